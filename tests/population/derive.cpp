#include "autosampling/population/derive.hpp"

#include "autosampling/record/hdf5.hpp"
#include "population/small_run.hpp"

namespace autosampling {
namespace {

using namespace testing;

class History : public ::testing::TestWithParam<Credit> {};
INSTANTIATE_TEST_SUITE_P(Derive, History, ::testing::Values(Credit::winner, Credit::advantage),
                         [](const auto& credit) { return test_name(credit.param); });

template<class T>
std::vector<T> row_of(const Hdf5File& file, const std::string& name, std::size_t row) {
    const std::vector<T> all = file.read<T>(name);
    const std::size_t length = all.size() / file.shape(name)[0];
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(row * length);
    return {first, first + static_cast<std::ptrdiff_t>(length)};
}

// Explored every third cycle: asking at other times must not change what is drawn afterwards.
TEST_P(History, at_each_time_equals_the_end_of_a_run_of_that_length) {
    const SharedFolder folder;
    Options options = small_options();
    options.training.schedule = RateSchedule::constant;
    options.exploration.credit = GetParam();
    options.exploration.interval_cycles = 3;
    run_on(world().size(), options, folder / "long", Opening::fresh);
    options.training.epochs = 1;
    run_on(world().size(), options, folder / "short", Opening::fresh);
    if (!world().is_root()) return;
    Log log(1); // silent
    write_run_history(folder / "long", 1, log);
    const Hdf5File history = Hdf5File::open(folder / "long" / "history.h5");
    const auto times = history.read<std::int64_t>("cycles_done");
    ASSERT_EQ(times.size(), read_record(folder / "long").cycles.size());
    for (const char* run : {"short", "long"}) {
        SCOPED_TRACE(run);
        const Hdf5File end = Hdf5File::open(folder / run / "run.h5");
        const std::size_t row = end.read<std::int64_t>("cycle").size() - 1;
        EXPECT_EQ(row_of<std::int64_t>(history, "count_history", row), end.read<std::int64_t>("count"));
        EXPECT_EQ(row_of<double>(history, "probability_history", row), end.read<double>("probability"));
        EXPECT_EQ(history.has("score_history"), GetParam() == Credit::advantage);
        if (GetParam() != Credit::advantage) continue;
        EXPECT_EQ(row_of<double>(history, "score_history", row), end.read<double>("score"));
        EXPECT_EQ(row_of<std::int64_t>(history, "draw_count_history", row), end.read<std::int64_t>("draw_count"));
    }
}

TEST(History, has_a_row_for_each_epoch_or_interval_and_the_end) {
    const SharedFolder folder;
    run_on(world().size(), small_options(), folder / "run", Opening::fresh); // 32 cycles, 2 epochs of 499 images
    if (!world().is_root()) return;
    Log log(1);
    const auto times = [&](std::int64_t every) {
        write_run_history(folder / "run", every, log);
        return Hdf5File::open(folder / "run" / "history.h5").read<std::int64_t>("cycles_done");
    };
    EXPECT_EQ(times(0), (std::vector<std::int64_t>{16, 32}));
    EXPECT_EQ(times(12), (std::vector<std::int64_t>{12, 24, 32}));
    EXPECT_THROW(write_run_history(folder / "nothing", 0, log), Error);
}

} // namespace
} // namespace autosampling
