#include "autosampling/sampling/policy_search.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/portable_math.hpp"
#include "autosampling/base/random.hpp"
#include "autosampling/sampling/arrays.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace autosampling {

namespace {

constexpr double first_decay = 0.8, second_decay = 0.9; // β₁, β₂
constexpr double deviation_decay = 0.7;

// Standard normal (Marsaglia & Bray, SIAM Review 1964): portable, as its logarithm is.
double normal(RandomStream& random) {
    for (;;) {
        const double u = 2 * random.real() - 1, v = 2 * random.real() - 1;
        const double s = u * u + v * v;
        if (s > 0 && s < 1) return u * std::sqrt(-2 * portable_log(s) / s);
    }
}

double power(double base, std::int64_t exponent) {
    double result = 1;
    for (; exponent > 0; --exponent) result *= base;
    return result;
}

} // namespace

double null_variance(std::int64_t updates) {
    const double b = first_decay, left = 1 - power(b, updates);
    return (1 - b) * (1 - b) * (1 - power(b, 2 * updates)) / ((1 - b * b) * left * left);
}

PolicySearch::PolicySearch(const ExplorationOptions& options, std::uint64_t seed, std::uint32_t members,
                           std::vector<double> scale)
    : options_(options), seed_(seed), members_(members), scale_(std::move(scale)), weight_(scale_.size(), 0),
      moment_(weight_), square_(weight_), updates_(scale_.size(), 0) {}

std::vector<double> PolicySearch::perturbation(std::uint32_t member) const {
    EXPECT(member < members_);
    std::vector<double> epsilon(scale_.size(), 0);
    const std::uint32_t first = member / 2 * 2; // of the pair
    if (first + 1 == members_) return epsilon;
    for (std::uint32_t j = 0; j < epsilon.size(); ++j) {
        RandomStream random({seed_, Purpose::policy, first, static_cast<std::uint32_t>(round_), 0}, j);
        epsilon[j] = scale_[j] * normal(random);
        if (member != first) epsilon[j] = -epsilon[j];
    }
    return epsilon;
}

void PolicySearch::set_weight(std::span<const double> weight) {
    EXPECT(weight.size() == weight_.size());
    weight_.assign(weight.begin(), weight.end());
}

std::vector<double> PolicySearch::weight_of(std::uint32_t member) const {
    std::vector<double> weight = perturbation(member);
    for (std::size_t j = 0; j < weight.size(); ++j) weight[j] = weight_[j] + options_.sigma * weight[j];
    return weight;
}

// g (J); empty with fewer than two members that count.
std::vector<double> PolicySearch::gradient(std::span<const double> reward, std::span<const std::uint8_t> counts) {
    EXPECT(reward.size() == members_ && counts.size() == members_);
    std::vector<std::uint32_t> members;
    for (std::uint32_t member = 0; member < members_; ++member)
        if (counts[member]) members.push_back(member);
    if (members.size() < 2) return {};

    // Rewards are measured from the first one, so that equal rewards have the deviation 0 exactly.
    const double origin = reward[members.front()];
    const auto number = static_cast<double>(members.size());
    double sum = 0, squares = 0;
    for (const std::uint32_t member : members) sum += reward[member] - origin;
    const double mean = sum / number;
    for (const std::uint32_t member : members)
        squares += (reward[member] - origin - mean) * (reward[member] - origin - mean);
    const double deviation = std::sqrt(squares / number);
    deviation_ = deviation_ == 0 ? deviation : deviation_decay * deviation_ + (1 - deviation_decay) * deviation;

    std::vector<double> gradient(scale_.size(), 0);
    if (deviation_ == 0) return gradient;
    for (const std::uint32_t member : members) {
        const double z = (reward[member] - origin - mean) / deviation_;
        const std::vector<double> epsilon = perturbation(member);
        for (std::size_t j = 0; j < gradient.size(); ++j) gradient[j] += z * epsilon[j] / number;
    }
    return gradient;
}

void PolicySearch::close_round(std::span<const double> reward, std::span<const std::uint8_t> counts,
                               std::span<const std::uint8_t> vary) {
    EXPECT(vary.size() == scale_.size());
    const std::vector<double> g = gradient(reward, counts);
    ++round_;
    if (g.empty() || options_.sigma == 0) return;
    double square_sum = 0, varying = 0;
    for (std::size_t j = 0; j < g.size(); ++j) {
        if (!vary[j]) continue;
        ++updates_[j];
        moment_[j] = first_decay * moment_[j] + (1 - first_decay) * g[j];
        square_[j] = second_decay * square_[j] + (1 - second_decay) * g[j] * g[j];
        square_sum += square_[j] / (1 - power(second_decay, updates_[j]));
        ++varying;
    }
    const double root = varying > 0 ? std::sqrt(square_sum / varying) : 0;
    for (std::size_t j = 0; j < g.size(); ++j) {
        if (!vary[j]) continue;
        const double q = root > 0 ? moment_[j] / (1 - power(first_decay, updates_[j])) / root : 0;
        const double noise = options_.tau * options_.tau * null_variance(updates_[j]);
        const double step = q * q > noise ? q - noise / q : 0; // q · max(0, 1 − noise / q²)
        weight_[j] = std::clamp((1 - options_.lambda) * weight_[j] + options_.alpha * scale_[j] * step, -most, most);
    }
}

void PolicySearch::save(NamedArrays& arrays) const {
    arrays["policy_weight"] = weight_;
    arrays["policy_moment"] = moment_;
    arrays["policy_square"] = square_;
    arrays["policy_updates"] = updates_;
    arrays["policy_deviation"] = std::vector<double>{deviation_};
    arrays["policy_round"] = std::vector<std::int64_t>{round_};
}

void PolicySearch::load(const NamedArrays& arrays) {
    weight_ = array<double>(arrays, "policy_weight", weight_.size());
    moment_ = array<double>(arrays, "policy_moment", moment_.size());
    square_ = array<double>(arrays, "policy_square", square_.size());
    updates_ = array<std::int64_t>(arrays, "policy_updates", updates_.size());
    deviation_ = array<double>(arrays, "policy_deviation", 1)[0];
    round_ = array<std::int64_t>(arrays, "policy_round", 1)[0];
    VALIDATE(std::all_of(weight_.begin(), weight_.end(), [](double w) { return std::abs(w) <= most; }),
             ExitCode::checkpoint, "the policy's weights in the checkpoint are impossible (damaged file?)");
}

} // namespace autosampling
