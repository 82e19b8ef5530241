// The losses of the draws, where a run records them.
#include "population/small_run.hpp"

#include "autosampling/population/derive.hpp"
#include "autosampling/record/hdf5.hpp"

#include <cmath>
#include <numeric>

namespace autosampling {
namespace {

using namespace testing;

// Expects each survivor's training loss to be the mean of what is recorded of its draws, and unused slots to be empty.
void expect_losses_of_the_draws(const std::filesystem::path& run) {
    for (const CycleRow& row : read_record(run).cycles) {
        ASSERT_EQ(row.draw_loss.size(), row.survivor_schedule.size());
        const std::size_t draws = row.draw_loss.size() / row.survivor.size();
        for (std::size_t slot = 0; slot < row.survivor.size(); ++slot) {
            const auto loss = std::span(row.draw_loss).subspan(slot * draws, draws);
            const std::int32_t survivor = row.survivor[slot];
            const double mean = std::accumulate(loss.begin(), loss.end(), 0.0) / static_cast<double>(draws);
            if (survivor < 0)
                EXPECT_TRUE(std::isnan(mean));
            else
                EXPECT_NEAR(mean, row.train_loss[static_cast<std::size_t>(survivor)], 1e-5) << row.cycle;
        }
    }
}

TEST(Losses, recorded_losses_are_those_of_the_survivors_draws) {
    const SharedFolder folder;
    Options options = small_options();
    options.population.selection = SelectionRule::tournament;
    options.record.losses = true;
    run_on(world().size(), options, folder / "run", Opening::fresh);
    if (world().is_root()) expect_losses_of_the_draws(folder / "run");
}

TEST(Losses, a_member_of_several_ranks_has_them_from_all) {
    const SharedFolder folder;
    Options options = small_options();
    options.population.members = 1;
    options.exploration.kind = ExplorationKind::random;
    options.training.batch_size = 24; // 1 to 4 ranks divide it
    options.population.ranks_per_member = world().size();
    options.record.losses = true;
    run_on(world().size(), options, folder / "run", Opening::fresh);
    if (world().is_root()) expect_losses_of_the_draws(folder / "run");
}

TEST(Losses, recording_them_changes_nothing_else) {
    const SharedFolder folder;
    Options options = small_options();
    run_on(world().size(), options, folder / "plain", Opening::fresh);
    options.record.losses = true;
    run_on(world().size(), options, folder / "with", Opening::fresh);
    if (!world().is_root()) return;
    EXPECT_FALSE(Hdf5File::open(folder / "plain" / "run.h5").has("draw_loss"));
    EXPECT_TRUE(Hdf5File::open(folder / "with" / "run.h5").has("draw_loss"));
    const Segment plain = read_record(folder / "plain"), with = read_record(folder / "with");
    ASSERT_EQ(plain.cycles.size(), with.cycles.size());
    for (std::size_t t = 0; t < plain.cycles.size(); ++t)
        EXPECT_EQ(plain.cycles[t].state_hash, with.cycles[t].state_hash) << t;
}

} // namespace
} // namespace autosampling
