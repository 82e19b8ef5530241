// A run that takes under a second: 600 synthetic images of 8 × 8, a perceptron, 4 members, cycles of 2 × 16 draws.
#pragma once

#include "autosampling/options/configuration.hpp"
#include "autosampling/population/replay.hpp"
#include "autosampling/population/run.hpp"
#include "autosampling/record/run_record.hpp"
#include "harness/mpi_test.hpp"
#include "harness/test_name.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace autosampling::testing {

inline Options small_options() {
    Options o;
    o.data.name = "synthetic";
    o.data.synthetic_images = 600;
    o.data.synthetic_size = 8;
    o.data.synthetic_channels = 1;
    o.data.reward_images = 101;
    o.data.augmentation = Augmentation::crop_flip;
    o.model.name = "mlp";
    o.training.batch_size = 16;
    o.training.epochs = 2;
    o.training.learning_rate = 0.05;
    o.training.schedule = RateSchedule::cosine;
    o.population.members = 4;
    o.population.cycle_batches = 2;
    o.exploration.kind = ExplorationKind::mixture;
    o.exploration.first_epoch = 0;
    o.exploration.interval_cycles = 1;
    o.exploration.mixing = Mixing::draws;
    o.exploration.uniform_epochs = 1;
    o.exploration.perturbation = 0.2;
    o.record.checkpoint_cycles = 7;
    o.run.log_level = LogLevel::error;
    o.run.device = Device::cpu;
    return o;
}

// A folder that goes with the test, the same on all ranks. Collective.
class SharedFolder {
  public:
    SharedFolder() {
        std::uint64_t number = static_cast<std::uint64_t>(::getpid());
        world().broadcast(std::span(&number, 1), 0);
        path_ = std::filesystem::temp_directory_path() / ("autosampling-test-" + std::to_string(number));
        world().on_root([&] { std::filesystem::create_directories(path_); });
    }
    ~SharedFolder() {
        if (world().is_root()) std::filesystem::remove_all(path_);
    }
    std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

// Runs the search on the first `ranks` ranks. Collective over world().
inline ExitCode run_on(int ranks, Options options, const std::filesystem::path& folder, Opening opening,
                       const AfterTraining& after_training = {}, const volatile std::sig_atomic_t* stop = nullptr) {
    options.run.output = folder.string();
    static const volatile std::sig_atomic_t never = 0;
    int code = 0;
    on_first_ranks(ranks, [&](const Communicator& comm) {
        Log log(comm.rank());
        code = static_cast<int>(run_search(comm, options, opening, stop ? *stop : never, log, after_training));
    });
    world().broadcast(std::span(&code, 1), 0);
    return static_cast<ExitCode>(code);
}

// The message with which this is refused as a matter of usage; empty where it isn't. Collective over world().
inline std::string usage_refusal(const std::function<void()>& action) {
    std::string message;
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::usage) << error.what();
        message = error.what();
    }
    world().barrier();
    return message;
}

// The options of a replay of a finished run. Collective over world().
inline Options options_of_replay(const std::filesystem::path& run, ReplayMode mode) {
    Options options;
    world().agree(
        [&] { options = replay_options(parse_recorded(recorded_configuration(open_replayed_run(run))), run, mode); });
    return options;
}

// All rows of a run's segments.
inline Segment read_record(const std::filesystem::path& run) {
    Segment all;
    for (const auto& file : find_segments(run).segments) {
        Segment segment = read_segment(file);
        all.cycles.insert(all.cycles.end(), segment.cycles.begin(), segment.cycles.end());
        all.epochs.insert(all.epochs.end(), segment.epochs.begin(), segment.epochs.end());
        all.rounds.insert(all.rounds.end(), segment.rounds.begin(), segment.rounds.end());
    }
    return all;
}

// Expects two records to be equal, all but the seconds. Local.
inline void expect_equal_records(const std::filesystem::path& a_run, const std::filesystem::path& b_run) {
    const Segment a = read_record(a_run), b = read_record(b_run);
    ASSERT_GT(a.cycles.size(), 0U);
    ASSERT_EQ(a.cycles.size(), b.cycles.size());
    const auto bits = [](const std::vector<double>& values) {
        std::vector<std::uint64_t> result;
        for (const double v : values) result.push_back(v != v ? ~0ULL : std::bit_cast<std::uint64_t>(v));
        return result;
    };
    for (std::size_t t = 0; t < a.cycles.size(); ++t) {
        const CycleRow &x = a.cycles[t], &y = b.cycles[t];
        SCOPED_TRACE(::testing::Message() << "cycle " << t);
        ASSERT_EQ(x.cycle, y.cycle);
        ASSERT_EQ(x.survivor_schedule, y.survivor_schedule);
        ASSERT_EQ(x.draw_weight, y.draw_weight);
        ASSERT_EQ(x.draw_loss, y.draw_loss);
        ASSERT_EQ(bits(x.reward), bits(y.reward));
        ASSERT_EQ(bits(x.reward_loss), bits(y.reward_loss));
        ASSERT_EQ(bits(x.train_loss), bits(y.train_loss));
        ASSERT_EQ(bits(x.learning_rate), bits(y.learning_rate));
        ASSERT_EQ(bits(x.learning_rate_factor), bits(y.learning_rate_factor));
        ASSERT_EQ(bits(x.weight_decay_factor), bits(y.weight_decay_factor));
        ASSERT_EQ(x.state_hash, y.state_hash);
        for (const auto value : {&CycleRow::mean_reward, &CycleRow::mean_reward_accuracy, &CycleRow::mean_reward_loss})
            ASSERT_EQ(bits({(x.*value).value_or(0)}), bits({(y.*value).value_or(0)}));
        ASSERT_EQ(x.round, y.round);
        ASSERT_EQ(x.parent, y.parent);
        ASSERT_EQ(x.finite, y.finite);
        ASSERT_EQ(x.survivor, y.survivor);
        ASSERT_EQ(std::tie(x.winner, x.attempt, x.epoch, x.learned, x.explored),
                  std::tie(y.winner, y.attempt, y.epoch, y.learned, y.explored));
    }
    ASSERT_EQ(a.epochs.size(), b.epochs.size());
    for (std::size_t e = 0; e < a.epochs.size(); ++e) {
        EXPECT_EQ(a.epochs[e].test_accuracy, b.epochs[e].test_accuracy);
        EXPECT_EQ(a.epochs[e].test_loss, b.epochs[e].test_loss);
        EXPECT_EQ(a.epochs[e].test_correct, b.epochs[e].test_correct);
        EXPECT_EQ(a.epochs[e].distribution_entropy, b.epochs[e].distribution_entropy);
    }
    ASSERT_EQ(a.rounds.size(), b.rounds.size());
    for (std::size_t r = 0; r < a.rounds.size(); ++r) {
        const RoundRow &x = a.rounds[r], &y = b.rounds[r];
        SCOPED_TRACE(::testing::Message() << "round " << r);
        ASSERT_EQ(std::tie(x.round, x.round_cycle), std::tie(y.round, y.round_cycle));
        ASSERT_EQ(bits(x.policy_weight), bits(y.policy_weight));
        ASSERT_EQ(bits(x.policy_perturbation), bits(y.policy_perturbation));
        ASSERT_EQ(bits(x.class_reward_loss), bits(y.class_reward_loss));
        ASSERT_EQ(x.loss_level, y.loss_level);
    }
}

} // namespace autosampling::testing
