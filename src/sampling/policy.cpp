#include "autosampling/sampling/policy.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/sampling/arrays.hpp"
#include "autosampling/sampling/policy_distribution.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <string>
#include <utility>

namespace autosampling {

namespace {

// (J) from exploration.weights. Throws Error(usage).
std::vector<double> first_weights(std::span<const std::string> given, const std::vector<std::string>& names) {
    std::vector<double> weight(names.size(), 0);
    std::set<std::string> seen;
    for (const std::string& each : given) {
        const std::size_t equals = each.rfind('=');
        const auto name = std::ranges::find(names, each.substr(0, equals));
        std::string known;
        for (const std::string& other : names) known += (known.empty() ? "" : ", ") + other;
        VALIDATE(equals != std::string::npos && name != names.end(), ExitCode::usage, "exploration.weights has \"",
                 each, "\" (the weights are ", known, "): give NAME=NUMBER of one of them");
        VALIDATE(seen.insert(*name).second, ExitCode::usage, "exploration.weights has \"", *name,
                 "\" twice: leave one out");
        double& value = weight[static_cast<std::size_t>(name - names.begin())];
        const char* const end = each.data() + each.size();
        const auto number = std::from_chars(each.data() + equals + 1, end, value);
        VALIDATE(number.ec == std::errc() && number.ptr == end && std::abs(value) <= PolicySearch::most,
                 ExitCode::usage, "exploration.weights has \"", each, "\" (a weight is a number from ",
                 -PolicySearch::most, " to ", PolicySearch::most, "): give NAME=NUMBER");
    }
    return weight;
}

} // namespace

Policy::Policy(const ExplorationOptions& options, std::uint64_t seed, std::uint32_t members, Signals signals)
    : options_(options), seed_(seed), signals_(std::move(signals)), search_(options, seed, members, signals_.scales()),
      position_(members, 0), finite_(members, 1), reward_(members, 0) {
    search_.set_weight(first_weights(options.weights, signals_.weight_names()));
}

void Policy::follow(WeightSchedule schedule) {
    EXPECT(position_.size() == 1 && schedule.share.size() == schedule.weight.size());
    schedule_ = std::move(schedule);
    take_weights(0);
}

// The last ones of the schedule that had come into force by then.
void Policy::take_weights(double share_done) {
    if (schedule_.share.empty()) return;
    const auto next = std::upper_bound(schedule_.share.begin() + 1, schedule_.share.end(), share_done);
    search_.set_weight(schedule_.weight[static_cast<std::size_t>(next - schedule_.share.begin() - 1)]);
}

std::int64_t Policy::draw(std::uint32_t member, std::int64_t cycle, std::uint8_t attempt,
                          std::span<std::uint32_t> out) const {
    const PolicyDistribution distribution(signals_, search_.weight_of(member));
    if (options_.thinning) return distribution.thin(seed_, member, attempt, position_.at(member), out);
    distribution.draw({seed_, Purpose::learned, member, static_cast<std::uint32_t>(cycle), attempt}, out);
    return 0;
}

std::vector<double> Policy::probability() const {
    return PolicyDistribution(signals_, search_.weight()).probability();
}

void Policy::learn(const Evidence& evidence) {
    EXPECT(evidence.position.size() == position_.size());
    position_ = evidence.position;
    for (std::size_t member = 0; member < finite_.size(); ++member) {
        finite_[member] &= evidence.finite[member];
        reward_[member] =
            options_.credit_signal == CreditSignal::loss ? -evidence.loss[member] : evidence.accuracy[member];
    }
    if (!evidence.draw_loss.empty()) signals_.observe(evidence.schedules, evidence.draw_loss);
}

void Policy::close_round(std::span<const double> class_loss, const Tally& tally, double share_done) {
    search_.close_round(reward_, finite_, signals_.vary());
    signals_.close_round(class_loss, tally);
    std::fill(finite_.begin(), finite_.end(), std::uint8_t{1});
    take_weights(share_done);
}

void Policy::enter_round(std::int64_t round, std::span<const double> weight, std::span<const double> class_loss,
                         std::span<const std::uint8_t> loss_level, const Tally& tally) {
    search_.set_round(round);
    search_.set_weight(weight);
    signals_.restore(class_loss, loss_level, tally);
}

void Policy::save(NamedArrays& arrays) const {
    signals_.save(arrays);
    search_.save(arrays);
    arrays["policy_position"] = position_;
    arrays["policy_finite"] = std::vector<std::int32_t>(finite_.begin(), finite_.end());
}

void Policy::load(const NamedArrays& arrays) {
    signals_.load(arrays);
    search_.load(arrays);
    position_ = array<std::int64_t>(arrays, "policy_position", position_.size());
    const auto& finite = array<std::int32_t>(arrays, "policy_finite", finite_.size());
    std::transform(finite.begin(), finite.end(), finite_.begin(), [](std::int32_t f) { return f != 0 ? 1 : 0; });
    VALIDATE(std::all_of(position_.begin(), position_.end(), [](std::int64_t p) { return p >= 0; }),
             ExitCode::checkpoint, "the members' places in the checkpoint are impossible (damaged file?)");
}

} // namespace autosampling
