#include "autosampling/population/members.hpp"

#include "autosampling/base/narrow.hpp"
#include "autosampling/population/evaluation.hpp"

#include <cmath>
#include <limits>

namespace autosampling {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

} // namespace

double reward_of(Reward reward, double accuracy, double loss) {
    return reward == Reward::loss ? -loss : accuracy;
}

std::vector<Outcome> Members::run(std::int64_t cycle, std::uint8_t attempt) {
    const Options& options = context_.options;
    reward_places_ =
        reward_examples(options.run.seed, cycle, attempt, narrow<std::uint32_t>(context_.plan.reward_images),
                        narrow<std::uint32_t>(options.data.reward_images_per_cycle));
    std::vector<Outcome> outcomes;
    for (const std::int32_t member : placement_.trained_by(context_.comm.rank())) {
        const Outcome outcome = run_member(member, cycle, attempt);
        if (!context_.team.is_root()) continue; // the team's first rank holds its members
        outcomes.push_back(outcome);
        store_.keep(outcome, [this] { return context_.trainer.copy_state(); });
    }
    for (Outcome& outcome : outcomes)
        if (!context_.transport.on_device() && outcome.member == store_.best_kept())
            outcome.state_hash = store_.kept(outcome.member).hash();
    return outcomes;
}

Outcome Members::run_member(std::int32_t member, std::int64_t cycle, std::uint8_t attempt) {
    Outcome outcome;
    outcome.member = member;
    auto& indices = schedules_[member];
    indices.resize(to_size(context_.plan.draws));
    CycleTask task{.indices = indices, .first_batch = cycle * context_.plan.batches_per_cycle};

    auto start = Clock::now();
    if (context_.team.is_root()) {
        outcome.position = context_.feed.draw(member, cycle, attempt, indices);
        context_.trainer.load(store_.start(member));
        task.augmentation = context_.feed.augmentation(member, cycle, attempt);
        task.weighting = weigh(cycle, attempt);
        task.factors = factors(member, cycle);
    }
    context_.trainer.share(indices, task);
    CycleResult trained = context_.trainer.train(task);
    draw_losses_[member] = std::move(trained.draw_loss);
    if (context_.after_training) context_.after_training(member, cycle, attempt, context_.trainer);
    outcome.train_loss = trained.train_loss;
    outcome.seconds_train = seconds_since(start);

    start = Clock::now();
    const Score score = evaluate_together(context_.team, context_.trainer, HeldOut::reward, reward_places_);
    outcome.accuracy = accuracy_of(score, score.correct, context_.plan);
    outcome.reward_loss = score.loss_sum / static_cast<double>(score.images);
    outcome.reward = reward_of(context_.options.population.reward, outcome.accuracy, outcome.reward_loss);
    outcome.finite = trained.finite && std::isfinite(outcome.reward_loss);
    if (!outcome.finite) outcome.reward = std::numeric_limits<double>::quiet_NaN();
    outcome.seconds_reward = seconds_since(start);
    return outcome;
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
