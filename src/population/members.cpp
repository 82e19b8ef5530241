#include "autosampling/population/members.hpp"

#include "autosampling/base/narrow.hpp"
#include "autosampling/base/stopwatch.hpp"
#include "autosampling/population/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace autosampling {

double reward_of(Reward reward, double accuracy, double loss) {
    return reward == Reward::loss ? -loss : accuracy;
}

std::vector<Outcome> Members::run(std::int64_t cycle, std::uint8_t attempt) {
    const Options& options = context_.options;
    reward_places_ =
        reward_examples(options.run.seed, cycle, attempt, narrow<std::uint32_t>(context_.plan.reward_images),
                        narrow<std::uint32_t>(options.data.reward_images_per_cycle));
    std::vector<Outcome> outcomes;
    for (const std::int32_t member : placement_.trained_by(context_.comm.rank()))
        outcomes.push_back({.member = member});
    for (std::span<Outcome> left = outcomes; !left.empty();) {
        const std::size_t count = std::min(context_.lanes.size(), left.size());
        context_.lanes.fork();
        run_together(left.first(count), cycle, attempt);
        context_.lanes.join();
        left = left.subspan(count);
        if (!left.empty()) store_.settle(); // the trainers are for others now
    }
    if (!context_.team.is_root()) return {}; // the team's first rank holds its members
    return outcomes;
}

// Each on a trainer of its own, their steps in turn. Of the rank's time each has an equal share.
void Members::run_together(std::span<Outcome> members, std::int64_t cycle, std::uint8_t attempt) {
    const auto for_each = [&](const auto& work) {
        context_.lanes.for_each(members.size(), [&](std::size_t i, Trainer& trainer) { work(members[i], trainer); });
    };
    double seconds_train = 0, seconds_reward = 0;
    for_each([&](Outcome& outcome, Trainer& trainer) {
        const CycleTask task = prepare(outcome, trainer, cycle, attempt);
        const Stopwatch stopwatch(seconds_train);
        trainer.start_training(task);
    });
    {
        const Stopwatch stopwatch(seconds_train);
        context_.lanes.take_steps(members.size());
        for_each([&](Outcome& outcome, Trainer& trainer) { note_training(outcome, trainer.finish_training()); });
    }
    if (context_.after_training)
        for_each([&](Outcome& o, Trainer& trainer) { context_.after_training(o.member, cycle, attempt, trainer); });
    {
        const Stopwatch stopwatch(seconds_reward);
        for_each([&](Outcome&, Trainer& trainer) {
            start_evaluation(context_.team, trainer, HeldOut::reward, reward_places_);
        });
        for_each([&](Outcome& outcome, Trainer& trainer) {
            note_score(outcome, finish_evaluation(context_.team, trainer));
        });
    }
    for_each([&](Outcome& outcome, Trainer& trainer) {
        outcome.seconds_train = seconds_train / static_cast<double>(members.size());
        outcome.seconds_reward = seconds_reward / static_cast<double>(members.size());
        if (context_.team.is_root()) store_.keep(outcome, [&trainer] { return trainer.copy_state(); });
    });
}

// Draws for a member and loads the state that it begins with, which is no part of its training.
CycleTask Members::prepare(Outcome& outcome, Trainer& trainer, std::int64_t cycle, std::uint8_t attempt) {
    const std::int32_t member = outcome.member;
    auto& indices = schedules_[member];
    indices.resize(to_size(context_.plan.draws));
    CycleTask task{.indices = indices, .first_batch = cycle * context_.plan.batches_per_cycle};
    if (context_.team.is_root()) {
        outcome.position = context_.feed.draw(member, cycle, attempt, indices);
        trainer.load(store_.start(member));
        task.augmentation = context_.feed.augmentation(member, cycle, attempt);
        task.weighting = weigh(cycle, attempt);
        task.factors = factors(member, cycle);
    }
    trainer.share(indices, task);
    return task;
}

void Members::note_training(Outcome& outcome, CycleResult trained) {
    draw_losses_[outcome.member] = std::move(trained.draw_loss);
    outcome.train_loss = trained.train_loss;
    outcome.finite = trained.finite;
}

void Members::note_score(Outcome& outcome, const Score& score) const {
    outcome.accuracy = accuracy_of(score, score.correct, context_.plan);
    outcome.reward_loss = score.loss_sum / static_cast<double>(score.images);
    outcome.reward = reward_of(context_.options.population.reward, outcome.accuracy, outcome.reward_loss);
    outcome.finite = outcome.finite && std::isfinite(outcome.reward_loss);
    if (!outcome.finite) outcome.reward = std::numeric_limits<double>::quiet_NaN();
}

HyperparameterFactors Members::factors(std::int32_t member, std::int64_t cycle) const {
    return context_.feed.recorded_factors(cycle).value_or(hyperparameters_.of(member));
}

// What a rule has the draws of this cycle weigh; nothing without one.
Weighting Members::weigh(std::int64_t cycle, std::uint8_t attempt) {
    const SamplingRule* rule = context_.feed.rule();
    if (!rule) return {};
    draw_weight_.resize(to_size(context_.plan.draws));
    rule->weights(cycle, attempt, draw_weight_);
    return {draw_weight_, [rule, cycle](std::span<const float> loss, std::span<float> weight) {
                rule->reweigh(cycle, loss, weight);
            }};
}

template<class T>
std::vector<T> Members::gather(const std::vector<std::int32_t>& members,
                               const std::map<std::int32_t, std::vector<T>>& mine) const {
    std::vector<T> values;
    for (const std::int32_t member : members)
        if (placement_.rank_of(member) == context_.comm.rank())
            values.insert(values.end(), mine.at(member).begin(), mine.at(member).end());
    return context_.comm.all_gather(std::span<const T>(values));
}

std::vector<std::uint32_t> Members::gather_schedules(const std::vector<std::int32_t>& members) const {
    return gather(members, schedules_);
}

std::vector<float> Members::gather_losses(const std::vector<std::int32_t>& members) const {
    return gather(members, draw_losses_);
}

} // namespace autosampling
