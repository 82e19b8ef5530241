#include "autosampling/population/processors.hpp"

#include "autosampling/base/build_info.hpp"
#include "small_run.hpp"

#include <gmock/gmock.h>

namespace autosampling::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A job whose ranks are all alike.
void add(Processors& all, const std::string& cpu, const std::string& capability, const std::string& program) {
    all.link.push_back(all.link.empty() ? 0 : all.link.back() + 1);
    all.first_rank.push_back(0);
    all.ranks.push_back(4);
    all.cpu.push_back(cpu);
    all.capability.push_back(capability);
    all.program.push_back(program);
}

TEST(Processors, of_equal_ranks_are_one_row_a_link) {
    Processors before;
    add(before, "A", "AVX2", "0.1.0");
    const Processors all = processors_of(world(), 1, before);
    if (!world().is_root()) return;
    EXPECT_EQ(all.link, (std::vector<std::int32_t>{0, 1}));
    EXPECT_EQ(all.first_rank, (std::vector<std::int32_t>{0, 0}));
    EXPECT_EQ(all.ranks, (std::vector<std::int32_t>{4, world().size()}));
    EXPECT_EQ(all.cpu[1], cpu_kind());
}

TEST(Processors, of_ranks_that_differ_are_told_apart) {
    const bool odd = world().rank() % 2 == 1;
    if (odd) setenv("ONEDNN_MAX_CPU_ISA", "SSE41", 1);
    const Processors all = processors_of(world(), 0, {});
    if (odd) unsetenv("ONEDNN_MAX_CPU_ISA");
    if (!world().is_root() || world().size() == 1) return;
    EXPECT_EQ(all.link.size(), static_cast<std::size_t>(world().size()));
    EXPECT_THAT(all.capability[1], HasSubstr("ONEDNN_MAX_CPU_ISA=SSE41"));
    EXPECT_THAT(differences(all), ElementsAre(HasSubstr("may depend on the number of ranks")));
}

TEST(Processors, a_resume_elsewhere_or_with_another_program_is_said) {
    Processors all;
    add(all, "A", "AVX512", "0.1.0 (a)");
    EXPECT_THAT(differences(all), IsEmpty());
    add(all, "A", "AVX512", "0.1.0 (a)");
    EXPECT_THAT(differences(all), IsEmpty());
    add(all, "A", "AVX2", "0.1.0 (a)");
    EXPECT_THAT(differences(all), ElementsAre(AllOf(HasSubstr("A, AVX2, those before it with A, AVX512"))));
    Processors other;
    add(other, "A", "AVX512", "0.1.0 (a)");
    add(other, "B", "AVX512", "0.2.0 (b)");
    EXPECT_THAT(differences(other),
                ElementsAre(HasSubstr("with B, AVX512"),
                            AllOf(HasSubstr("goes on with autosampling 0.2.0 (b)"), HasSubstr("0.1.0 (a)"))));
}

TEST(Processors, a_replay_elsewhere_is_said) {
    Processors run, replay;
    EXPECT_THAT(differences(replay, run), IsEmpty()); // an old record doesn't know
    add(run, "A", "AVX512", "0.1.0 (a)");
    add(replay, "A", "AVX512", "0.1.0 (a)");
    EXPECT_THAT(differences(replay, run), IsEmpty());
    add(replay, "B", "AVX512", "0.1.0 (b)");
    EXPECT_THAT(differences(replay, run), ElementsAre(HasSubstr("computes with B"), HasSubstr("0.1.0 (b)")));
}

} // namespace
} // namespace autosampling::testing
