#include "autosampling/population/disk_use.hpp"

#include "autosampling/base/bytes.hpp"
#include "autosampling/population/launch.hpp"
#include "autosampling/record/checkpoint.hpp"
#include "harness/columns_file.hpp"
#include "population/small_run.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace autosampling {
namespace {

using namespace testing;

std::int64_t size_of(const std::filesystem::path& file) {
    return static_cast<std::int64_t>(std::filesystem::file_size(file));
}

// Within a tenth.
void expect_near(std::int64_t said, std::int64_t found, const char* what) {
    EXPECT_NEAR(static_cast<double>(said), static_cast<double>(found), 0.1 * static_cast<double>(found)) << what;
}

// Runs it in this folder, and compares what is there then with what was foreseen. Collective over world().
void expect_foreseen(const SharedFolder& folder, const std::vector<std::string>& settings,
                     const AfterTraining& after_training = {}) {
    Options options = small_options();
    options.record.checkpoint_cycles = 0;
    options.record.checkpoint_minutes = 0;
    for (const std::string& setting : settings) apply_setting(setting, options);
    const int ranks = world().size();
    run_on(ranks, options, folder / "run", Opening::fresh, after_training);
    world().on_root([&] {
        const PlannedRun planned(options, ranks);
        const DiskUse use =
            estimate_disk_use(planned.prepared, planned.data, foreseen_launch(planned.prepared.options.run, ranks));
        std::int64_t files = 0, record = 0, checkpoints = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "run")) {
            if (!entry.is_regular_file()) continue;
            ++files;
            const std::string path = entry.path().string();
            if (path.find("/record/") != std::string::npos) record += size_of(entry.path());
            if (path.find("/checkpoint/") != std::string::npos) checkpoints += size_of(entry.path());
        }
        EXPECT_EQ(use.files, files);
        expect_near(use.run_file, size_of(folder / "run" / "run.h5"), "run.h5");
        expect_near(use.record, record, "segments");
        expect_near(use.checkpoints, checkpoints, "checkpoints");
        expect_near(use.bytes(), bytes_in(folder / "run"), "all");
    });
}

// Until so many states of a checkpoint are written, so that it is published in the cycle that goes on.
void await_states(const std::filesystem::path& checkpoint, std::ptrdiff_t states) {
    const auto written = [&] {
        if (!std::filesystem::exists(checkpoint)) return false;
        const std::filesystem::directory_iterator files(checkpoint);
        return states <= std::count_if(begin(files), end(files),
                                       [](const auto& file) { return file.path().extension() == ".h5"; });
    };
    for (int wait = 0; wait < 1000 && !written(); ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_TRUE(written()) << checkpoint;
    std::this_thread::sleep_for(std::chrono::milliseconds(200)); // its folder, too, is on the disk then
}

// 42 checkpoints, the segments of sixteen of which become one, twice.
TEST(DiskUse, of_joined_segments_and_kept_checkpoints_is_foreseen) {
    if (world().size() > 1) return;
    const SharedFolder folder;
    const auto wait = [&](std::int32_t member, std::int64_t cycle, int, Trainer&) {
        if (member == 0 && cycle > 0 && cycle % 3 == 0) await_states(checkpoint_folder(folder / "run", cycle), 2);
    };
    expect_foreseen(folder,
                    {"record.checkpoint_cycles=3", "record.keep_checkpoints=3", "training.epochs=8",
                     "population.selection=top-k", "population.survivors=2"},
                    wait);
}

// However many checkpoints are left out, since one is still being written.
TEST(DiskUse, segments_of_short_cycles_are_foreseen) {
    const SharedFolder folder;
    Options options = small_options();
    options.record.checkpoint_cycles = 1;
    const int ranks = world().size();
    run_on(ranks, options, folder / "run", Opening::fresh);
    world().on_root([&] {
        const PlannedRun planned(options, ranks);
        const DiskUse use =
            estimate_disk_use(planned.prepared, planned.data, foreseen_launch(planned.prepared.options.run, ranks));
        EXPECT_EQ(use.segments, 2); // the last one stands apart
        EXPECT_GT(use.most_record, 2 * use.record);
        const std::filesystem::path record = folder / "run" / "record";
        EXPECT_EQ(std::distance(std::filesystem::directory_iterator(record), {}), 2);
        expect_near(use.record, static_cast<std::int64_t>(bytes_in(record)), "segments");
    });
}

class DiskUses : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(DiskUses, small_run_is_as_foreseen) {
    const SharedFolder folder;
    expect_foreseen(folder, GetParam());
}

// So many draws and examples that they are most of the record, and packed.
TEST_P(DiskUses, run_of_many_draws_is_as_foreseen) {
    if (world().size() > 1) return; // the ranks' part is in the small run
    std::vector<std::string> settings = GetParam();
    settings.insert(settings.end(), {"data.synthetic_images=20000", "data.synthetic_size=4", "training.batch_size=500",
                                     "training.epochs=4"});
    const SharedFolder folder;
    expect_foreseen(folder, settings);
}

// A cycle's draws are more than a chunk.
TEST(DiskUse, chunks_that_are_less_than_a_cycle_are_foreseen) {
    if (world().size() > 1) return;
    const SharedFolder folder;
    expect_foreseen(folder, {"data.synthetic_images=20000", "data.synthetic_size=4", "training.batch_size=500",
                             "training.epochs=4", "population.cycle_batches=36", "population.members=15",
                             "population.selection=none", "exploration.kind=random"});
}

TEST(DiskUse, columns_of_ones_own_are_foreseen) {
    const SharedFolder folder;
    world().on_root([&] { put_column(folder / "own.h5", "length", std::vector<double>(600, 1.5)); });
    expect_foreseen(folder, {"exploration.kind=policy", "exploration.interval_cycles=3",
                             "data.signals=" + (folder / "own.h5").string(),
                             "exploration.signals=[\"column:length\", \"loss\"]"});
}

std::vector<std::vector<std::string>> grid() {
    std::vector<std::vector<std::string>> all;
    for (const char* selection : {"best", "top-k", "truncation", "tournament", "mean", "none"})
        all.push_back({"population.selection=" + std::string(selection), "population.survivors=2",
                       "population.fraction=0.5", "exploration.kind=random"});
    for (const char* rule : {"uniform", "class-balanced", "loss-rank", "small-loss", "infobatch"})
        all.push_back({"exploration.kind=none", "population.members=1", "sampling.rule=" + std::string(rule)});
    all.push_back({"population.selection=truncation", "record.losses=true"});
    all.push_back({"exploration.credit=advantage", "hyperparameters.explore=factor"});
    all.push_back({"exploration.counts=window", "exploration.window_cycles=5"});
    all.push_back({"exploration.counts=decay", "exploration.half_life_cycles=5", "exploration.uniform=lineage"});
    all.push_back({"exploration.kind=policy", "exploration.interval_cycles=3"});
    all.push_back({"exploration.kind=policy", "exploration.interval_cycles=3", "population.selection=best",
                   "exploration.signals=[\"score\", \"count\"]", "exploration.credit=advantage"});
    return all;
}

INSTANTIATE_TEST_SUITE_P(Grid, DiskUses, ::testing::ValuesIn(grid()));

} // namespace
} // namespace autosampling
