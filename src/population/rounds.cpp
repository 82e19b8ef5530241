#include "autosampling/population/rounds.hpp"

#include "autosampling/base/narrow.hpp"
#include "autosampling/population/evaluation.hpp"

#include <limits>

namespace autosampling {

bool closes_round(const Timetable& timetable, std::int64_t cycle, const Plan& plan) {
    return timetable.has_rounds() && (timetable.explores(cycle + 1) || cycle + 1 == plan.cycles);
}

Leader leader_of(const Score& score, const Plan& plan) {
    Leader leader;
    leader.accuracy = accuracy_of(score, score.correct, plan);
    leader.loss = score.loss_sum / static_cast<double>(score.images);
    for (std::size_t label = 0; label < score.loss_by_class.size(); ++label) // 0 / 0 is NaN
        leader.class_loss.push_back(static_cast<double>(score.loss_by_class[label]) * Score::loss_unit /
                                    static_cast<double>(score.images_by_class[label]));
    return leader;
}

RoundRow round_row(const Policy& policy, std::int64_t first_cycle, const Plan& plan) {
    const PolicySearch& search = policy.search();
    const Signals& signals = policy.signals();
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    RoundRow row;
    row.round = narrow<std::int32_t>(search.round());
    row.round_cycle = first_cycle;
    row.policy_weight.assign(search.weight().begin(), search.weight().end());
    for (std::uint32_t member = 0; member < plan.members; ++member) {
        const std::vector<double> perturbation = search.perturbation(member);
        row.policy_perturbation.insert(row.policy_perturbation.end(), perturbation.begin(), perturbation.end());
    }
    row.class_reward_loss.assign(signals.class_loss().begin(), signals.class_loss().end());
    row.class_reward_loss.resize(to_size(plan.classes), none);
    row.loss_level = signals.loss_levels();
    row.loss_level.resize(to_size(plan.training_images), 0);
    return row;
}

} // namespace autosampling
