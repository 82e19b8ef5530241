// What the record and a checkpoint take of a cycle, and of the machine in all.
//
//   record_speed FOLDER    ->  one line of JSON: microseconds a cycle until all is on the disk (`cycle`), and those
//                              that the search itself loses where a segment is closed every 64 cycles (`stall`, mean);
//                              seconds that it loses where a checkpoint of ResNet-18 with its momentum begins
//                              (`checkpoint_stall`), and until it stands (`checkpoint`)
//
// 2,048 cycles of 16 members and 2,560 draws. The program fails where the record isn't what was given to it.
#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/base/random.hpp"
#include "autosampling/base/stopwatch.hpp"
#include "autosampling/comm/mpi_environment.hpp"
#include "autosampling/population/recorder.hpp"
#include "autosampling/training/runtime.hpp"

#include <ATen/ops/full.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <numeric>

namespace {

using namespace autosampling;

constexpr std::int64_t cycles = 2048, members = 16, draws = 2560, images = 45'000;
constexpr std::int64_t resnet18_with_momentum = 2 * 11'173'962;

RunHeader make_header() {
    RunHeader header;
    header.members = members;
    header.slots = 1;
    header.draws = draws;
    header.cycles_planned = cycles;
    header.training_images = images;
    header.classes = 10;
    header.class_names.assign(10, "class");
    header.label.assign(images, 0);
    header.true_label = header.label;
    header.split_training.resize(images);
    std::iota(header.split_training.begin(), header.split_training.end(), 0U);
    return header;
}

Launch make_launch() {
    Launch launch;
    launch.ranks = launch.threads = 1;
    launch.host = launch.device = launch.cpu = {"cpu"};
    return launch;
}

CycleRow row_of(std::int64_t cycle) {
    CycleRow row;
    row.cycle = cycle;
    for (auto* const column : {&row.reward, &row.reward_accuracy, &row.reward_loss, &row.train_loss, &row.learning_rate,
                               &row.weight_decay, &row.seconds_train, &row.seconds_reward, &row.seconds_wait})
        column->assign(members, 0.5 + 1e-3 * static_cast<double>(cycle));
    row.finite.assign(members, 1);
    row.winner = static_cast<std::int32_t>(cycle % members);
    row.parent.assign(members, row.winner);
    row.survivor = {row.winner};
    RandomStream random({.seed = 1, .purpose = Purpose::synthetic, .cycle = static_cast<std::uint32_t>(cycle)}, 0);
    for (std::int64_t k = 0; k < draws; ++k)
        row.survivor_schedule.push_back(static_cast<std::int32_t>(random.below(images)));
    return row;
}

// A run of which the search's own work is left out.
class Run {
  public:
    // Its state has so many values; a checkpoint comes after so many cycles.
    Run(const Communicator& comm, const std::filesystem::path& run, std::int64_t values, std::int64_t checkpoint_cycles)
        : run_(run), directory_(run, Opening::overwrite),
          recorder_(comm, run, &directory_, make_header(), make_launch(),
                    {.checkpoint_cycles = checkpoint_cycles, .checkpoint_minutes = 0}, {{"weight", {values}, 0, false}},
                    0),
          state_(at::full({values}, 0.5F)) {}

    // Microseconds a cycle: of all until it is on the disk, and of those that the search itself loses.
    struct Times {
        double all = 0, stall = 0;
    };
    Times record() {
        std::vector<CycleRow> rows;
        for (std::int64_t cycle = 0; cycle < cycles; ++cycle) rows.push_back(row_of(cycle));
        double stall = 0;
        const double all = seconds_of([&] {
            for (CycleRow& row : rows) {
                const Stopwatch stopwatch(stall);
                pass(std::move(row));
            }
            recorder_.after_cycle(cycles, {}, CheckpointWhen::now, [this] { return snapshot(cycles); });
            recorder_.finish();
        });
        check();
        return {all / cycles * 1e6, stall / cycles * 1e6};
    }

    // After the first cycle.
    void checkpoint() {
        double stall = 0;
        const double all = seconds_of([&] {
            stall = seconds_of([&] { pass(row_of(0)); });
            recorder_.finish();
        });
        const std::vector<float> back = read_state(checkpoint_folder(run_, 1), 0, state_.hash());
        std::printf(", \"bytes\": %zu, \"checkpoint_stall\": %.6f, \"checkpoint\": %.4f}\n",
                    back.size() * sizeof(float), stall, all);
    }

  private:
    // What the search does of it at the end of a cycle.
    void pass(CycleRow row) {
        const std::int64_t done = row.cycle + 1;
        recorder_.add(std::move(row));
        const RankReport report = recorder_.report(false);
        recorder_.after_cycle(done, {&report, 1}, CheckpointWhen::due, [this, done] { return snapshot(done); });
    }

    Snapshot snapshot(std::int64_t done) const {
        Snapshot snapshot;
        snapshot.index.cycle = done;
        snapshot.index.state_of.assign(members, 0);
        snapshot.index.state_files = {0};
        snapshot.index.state_hash = {state_.hash()};
        snapshot.index.launch = recorder_.launch();
        snapshot.index.header = recorder_.header();
        snapshot.states = {{0, state_}};
        return snapshot;
    }

    void check() const {
        std::int64_t cycle = 0;
        for (const auto& file : find_segments(run_).segments)
            for (const CycleRow& row : read_segment(file).cycles)
                VALIDATE(row.survivor_schedule == row_of(cycle++).survivor_schedule, ExitCode::failure, "cycle ",
                         row.cycle, " has other draws in the record (a fault of the record)");
        VALIDATE(cycle == cycles, ExitCode::failure, cycle, " cycles are in the record (a fault of the record)");
    }

    std::filesystem::path run_;
    RunDirectory directory_;
    Recorder recorder_;
    State state_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return static_cast<int>(ExitCode::usage);
    }
    keep_heap();
    const MpiEnvironment mpi(argc, argv);
    try {
        set_threads(1);
        const Communicator comm(MPI_COMM_WORLD);
        const std::filesystem::path folder = argv[1];
        const double cycle = Run(comm, folder / "record", 1, cycles).record().all;
        const double stall = Run(comm, folder / "stalls", 1, 64).record().stall;
        std::printf("{\"cycles\": %ld, \"cycle\": %.2f, \"stall\": %.2f", static_cast<long>(cycles), cycle, stall);
        Run(comm, folder / "checkpoint", resnet18_with_momentum, 1).checkpoint();
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "record_speed: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
