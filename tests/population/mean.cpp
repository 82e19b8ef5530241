// population.selection = mean: everyone goes on from the mean of all members.
#include "population/small_run.hpp"
#include "training/images.hpp"

#include "autosampling/base/hash.hpp"
#include "autosampling/population/derive.hpp"
#include "autosampling/population/evaluation.hpp"
#include "autosampling/record/checkpoint.hpp"
#include "autosampling/record/hdf5.hpp"
#include "autosampling/record/summary.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace autosampling {
namespace {

using namespace testing;

Options averaged_run() {
    Options options = small_options();
    options.population.selection = SelectionRule::mean;
    options.exploration.credit = Credit::advantage;
    return options;
}

// Puts a NaN into the weights of one member in every third cycle, of all in cycle 4.
void plant_nans(std::int32_t member, std::int64_t cycle, int attempt, Trainer& trainer) {
    if ((cycle % 3 == 1 && member == cycle % 4) || (cycle == 4 && attempt == 0))
        trainer.state().host()[3] = std::nanf("");
}

// The states of all members at the end of training, by cycle and member, on every rank.
class EndStates {
  public:
    void keep(std::int32_t member, std::int64_t cycle, Trainer& trainer) { mine_[{cycle, member}] = state_of(trainer); }

    // The mean of those that are finite, added up in the order of the members. Collective over world().
    std::vector<float> mean(std::int64_t cycle, std::int32_t members) const {
        std::vector<double> sum;
        double finite = 0;
        for (std::int32_t member = 0; member < members; ++member) {
            const auto found = mine_.find({cycle, member});
            const std::vector<float> all =
                world().all_gather(std::span<const float>(found == mine_.end() ? std::vector<float>{} : found->second));
            const std::size_t length = mine_.begin()->second.size(); // a team has its member's state on every rank
            const auto state = std::span(all).first(length);
            if (!std::all_of(state.begin(), state.end(), [](float v) { return std::isfinite(v); })) continue;
            sum.resize(length, 0);
            for (std::size_t i = 0; i < length; ++i) sum[i] += static_cast<double>(state[i]);
            ++finite;
        }
        std::vector<float> mean;
        for (const double value : sum) mean.push_back(static_cast<float>(value / finite));
        return mean;
    }

  private:
    std::map<std::pair<std::int64_t, std::int32_t>, std::vector<float>> mine_;
};

// Weights, momentum and running statistics, bit for bit.
void expect_means(const Options& options) {
    const SharedFolder folder;
    EndStates states;
    run_on(world().size(), options, folder / "run", Opening::fresh,
           [&](std::int32_t member, std::int64_t cycle, int attempt, Trainer& trainer) {
               plant_nans(member, cycle, attempt, trainer);
               states.keep(member, cycle, trainer);
           });
    Segment record;
    if (world().is_root()) record = read_record(folder / "run");
    for (std::int64_t cycle = 0; cycle < 9; ++cycle) {
        const std::vector<float> mean = states.mean(cycle, static_cast<std::int32_t>(options.population.members));
        if (!world().is_root()) continue;
        EXPECT_EQ(record.cycles[static_cast<std::size_t>(cycle)].state_hash, hash_of(std::span<const float>(mean)))
            << cycle;
    }
}

TEST(Mean, everyone_goes_on_from_the_mean_of_the_finite_members) {
    Options options = averaged_run();
    options.model.name = "resnet8";
    options.data.synthetic_images = 400;
    options.population.members = std::max(4, world().size()); // every rank has one
    expect_means(options);
}

TEST(Mean, members_of_two_ranks_are_averaged_alike) {
    if (world().size() < 4) GTEST_SKIP() << "needs four ranks";
    Options options = averaged_run();
    options.population.ranks_per_member = 2;
    options.population.members = 2;
    expect_means(options);
}

TEST(Mean, reported_reward_is_that_of_the_mean) {
    const SharedFolder folder;
    Options options = averaged_run();
    options.population.reward = Reward::loss;
    run_on(world().size(), options, folder / "run", Opening::fresh, plant_nans);
    if (!world().is_root()) return;
    const Segment record = read_record(folder / "run");
    const CycleRow& last = record.cycles.back();
    const auto checkpoint = checkpoint_folder(folder / "run", last.cycle + 1);
    const std::vector<float> state = read_state(checkpoint, 0, read_index(checkpoint).state_hash.at(0));
    EXPECT_EQ(hash_of(std::span<const float>(state)), last.state_hash);
    const Images images(options.data, options.run.seed);
    Trainer trainer(trainer_options("mlp", 16), images.dataset, images.split);
    trainer.load(State::from_host(state, at::kCPU));
    const Score score = trainer.evaluate(HeldOut::reward, first_indices(images.split.reward.source.size()));
    EXPECT_NEAR(*last.mean_reward_loss, score.loss_sum / static_cast<double>(score.images), 1e-9);
    EXPECT_EQ(*last.mean_reward, -*last.mean_reward_loss);
    EXPECT_EQ(*last.mean_reward_accuracy, static_cast<double>(score.correct) / static_cast<double>(score.images));
    EXPECT_EQ(recorded_summary(find_segments(folder / "run")).best_reward, *last.mean_reward);
}

TEST(Mean, there_are_no_winners_and_draws_are_drawn_again_for_the_counts) {
    const SharedFolder folder;
    const Options options = averaged_run();
    run_on(world().size(), options, folder / "run", Opening::fresh, plant_nans);
    if (!world().is_root()) return;
    const auto read = [&] {
        const Hdf5File run = Hdf5File::open(folder / "run" / "run.h5");
        for (const char* name : {"winner", "parent", "survivor", "survivor_schedule", "line", "schedule"})
            EXPECT_FALSE(run.has(name)) << name;
        return std::make_tuple(run.read<std::int64_t>("count"), run.read<double>("probability"),
                               run.read<std::int64_t>("credit"), run.read<double>("mean_reward"));
    };
    const auto before = read();
    std::int64_t finite = 0;
    for (const CycleRow& row : read_record(folder / "run").cycles)
        finite += std::count(row.finite.begin(), row.finite.end(), 1);
    const auto& count = std::get<0>(before);
    EXPECT_EQ(std::accumulate(count.begin(), count.end(), std::int64_t{0}), finite * 32);
    std::filesystem::remove(folder / "run" / "run.h5");
    Log log(0, LogLevel::error);
    finish_run(folder / "run", log);
    EXPECT_EQ(read(), before);
    write_run_history(folder / "run", 3, log);
    const auto history = Hdf5File::open(folder / "run" / "history.h5").read<std::int64_t>("count_history");
    EXPECT_TRUE(std::equal(count.begin(), count.end(), history.end() - std::ssize(count)));
}

TEST(Mean, what_does_not_go_with_it_is_refused) {
    const SharedFolder folder;
    const auto refusal = [&](const std::function<void(Options&)>& change) {
        Options options = averaged_run();
        change(options);
        return usage_refusal([&] { run_on(world().size(), options, folder / "run", Opening::fresh); });
    };
    EXPECT_NE(refusal([](Options& o) { o.population.members = 1; }).find("averages members"), std::string::npos);
    EXPECT_NE(refusal([](Options& o) { o.exploration.credit = Credit::winner; }).find("no winners"), std::string::npos);
    EXPECT_NE(refusal([](Options& o) { o.record.losses = true; }).find("record.losses"), std::string::npos);
    EXPECT_NE(refusal([](Options& o) { o.hyperparameters.explore = Variation::factor; }).find("winners"),
              std::string::npos);
    run_on(world().size(), averaged_run(), folder / "run", Opening::fresh);
    for (const ReplayMode mode : {ReplayMode::dynamic, ReplayMode::exact})
        EXPECT_NE(usage_refusal([&] { options_of_replay(folder / "run", mode); }).find("no winning schedule"),
                  std::string::npos);
    EXPECT_EQ(run_on(1, options_of_replay(folder / "run", ReplayMode::fixed), folder / "static", Opening::fresh),
              ExitCode::finished);
}

} // namespace
} // namespace autosampling
