#include "autosampling/population/rows.hpp"

#include "autosampling/base/narrow.hpp"

#include <algorithm>
#include <limits>

namespace autosampling {

void add_outcomes(CycleRow& row, std::span<const Outcome> outcomes, const Placement& placement) {
    std::vector<double> busy(to_size(placement.ranks()), 0); // seconds, by rank
    for (const Outcome& o : outcomes) busy[to_size(placement.rank_of(o.member))] += o.seconds_train + o.seconds_reward;
    const double slowest = *std::max_element(busy.begin(), busy.end());
    for (const Outcome& o : outcomes) {
        row.reward.push_back(o.reward);
        row.reward_accuracy.push_back(o.accuracy);
        row.reward_loss.push_back(o.reward_loss);
        row.train_loss.push_back(o.train_loss);
        row.seconds_train.push_back(o.seconds_train);
        row.seconds_reward.push_back(o.seconds_reward);
        row.seconds_wait.push_back(slowest - busy[to_size(placement.rank_of(o.member))]);
        row.finite.push_back(o.finite);
    }
}

void add_hyperparameters(CycleRow& row, std::span<const HyperparameterFactors> factors, double learning_rate,
                         double weight_decay, bool vary) {
    for (const HyperparameterFactors& of_member : factors) {
        row.learning_rate.push_back(of_member.learning_rate * learning_rate);
        row.weight_decay.push_back(of_member.weight_decay * weight_decay);
        if (!vary) continue;
        row.learning_rate_factor.push_back(of_member.learning_rate);
        row.weight_decay_factor.push_back(of_member.weight_decay);
    }
}

void add_schedules(CycleRow& row, const Evidence& evidence, std::size_t slots, std::size_t draws, bool losses) {
    const auto length = narrow<std::ptrdiff_t>(draws);
    for (const std::int32_t survivor : row.survivor) {
        const auto& counted = evidence.counted;
        const auto place = std::lower_bound(counted.begin(), counted.end(), survivor) - counted.begin();
        const auto append = [&](const auto& all, auto& recorded) {
            const auto begin = all.begin() + place * length;
            recorded.insert(recorded.end(), begin, begin + length);
        };
        append(evidence.schedules, row.survivor_schedule);
        if (losses) append(evidence.draw_loss, row.draw_loss);
    }
    row.survivor.resize(slots, -1);
    row.survivor_schedule.resize(slots * draws, -1);
    if (losses) row.draw_loss.resize(slots * draws, std::numeric_limits<float>::quiet_NaN());
}

} // namespace autosampling
