// A search with a network of the user's own, which normalises, drops out and counts.
#include "population/small_run.hpp"
#include "training/scripts.hpp"

#include "autosampling/record/hdf5.hpp"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

namespace autosampling {
namespace {

using namespace testing;

const char* const body = R"(
  if self.training:
    self.seen.add_(1)
  x = torch.batch_norm(torch.flatten(x, 1), None, None, self.mean, self.var, self.training, 0.1, 1e-5, False)
  return torch.matmul(torch.dropout(x, 0.2, self.training), self.weight) * (1.0 + 0.01 * self.seen)
)";

Options script_run(const SharedFolder& folder) {
    Options options = small_options();
    const auto file = folder / "network.pt";
    world().on_root([&] {
        save_script(file, 64, body, [](torch::jit::Module& module) {
            module.register_buffer("mean", at::zeros({64}));
            module.register_buffer("var", at::ones({64}));
        });
    });
    options.model.name = "torchscript:" + file.string();
    return options;
}

TEST(Script, record_is_the_same_on_any_number_of_ranks) {
    const SharedFolder folder;
    const Options options = script_run(folder);
    EXPECT_EQ(run_on(world().size(), options, folder / "all", Opening::fresh), ExitCode::finished);
    EXPECT_EQ(run_on(1, options, folder / "one", Opening::fresh), ExitCode::finished);
    if (world().is_root()) expect_equal_records(folder / "all", folder / "one");
}

TEST(Script, resumed_search_equals_uninterrupted_search) {
    const SharedFolder folder;
    const Options options = script_run(folder);
    EXPECT_EQ(run_on(world().size(), options, folder / "whole", Opening::fresh), ExitCode::finished);
    volatile std::sig_atomic_t stop = 0;
    const auto stop_later = [&](std::int32_t, std::int64_t cycle, int, Trainer&) { stop = cycle >= 5; };
    EXPECT_EQ(run_on(world().size(), options, folder / "cut", Opening::fresh, stop_later, &stop), ExitCode::stopped);
    EXPECT_EQ(run_on(world().size(), options, folder / "cut", Opening::resume), ExitCode::finished);
    if (world().is_root()) expect_equal_records(folder / "whole", folder / "cut");
}

TEST(Script, members_of_two_ranks_have_batch_statistics_of_their_own_and_replay_exactly) {
    if (world().size() % 2 != 0) return;
    const SharedFolder folder;
    Options options = script_run(folder);
    options.population.members = world().size() / 2;
    options.population.ranks_per_member = 2;
    EXPECT_THROW(run_on(world().size(), options, folder / "refused", Opening::fresh), Error);
    world().barrier();
    options.population.synchronise_statistics = false;
    EXPECT_EQ(run_on(world().size(), options, folder / "search", Opening::fresh), ExitCode::finished);
    EXPECT_EQ(run_on(2, options_of_replay(folder / "search", ReplayMode::exact), folder / "replay", Opening::fresh),
              ExitCode::finished);
    if (!world().is_root()) return;
    EXPECT_EQ(Hdf5File::open(folder / "search" / "run.h5").read<std::uint64_t>("state_hash").back(),
              Hdf5File::open(folder / "replay" / "run.h5").read<std::uint64_t>("state_hash").back());
}

TEST(Script, another_file_is_refused_at_a_resume) {
    const SharedFolder folder;
    Options options = script_run(folder);
    options.training.epochs = 0.5;
    EXPECT_EQ(run_on(world().size(), options, folder / "run", Opening::fresh), ExitCode::finished);
    const auto file = folder / "network.pt";
    const auto moved = folder / "moved.pt";
    world().on_root([&] { std::filesystem::copy_file(file, moved); });
    options.model.name = "torchscript:" + moved.string();
    EXPECT_EQ(run_on(world().size(), options, folder / "run", Opening::resume), ExitCode::finished);
    world().on_root([&] {
        for (const auto& other : {file, moved})
            save_script(other, 64, "  return torch.matmul(torch.flatten(x, 1), self.weight)\n");
    });
    EXPECT_THROW(run_on(world().size(), options, folder / "run", Opening::resume), Error);
    EXPECT_THROW(
        run_on(world().size(), options_of_replay(folder / "run", ReplayMode::exact), folder / "replay", Opening::fresh),
        Error);
    world().barrier();
}

} // namespace
} // namespace autosampling
