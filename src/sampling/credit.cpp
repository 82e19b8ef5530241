#include "autosampling/sampling/credit.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace autosampling {

namespace {

constexpr double unit = 65536;    // z is kept in 1/unit
constexpr double step = 3.0 / 31; // between two levels, in β · score
constexpr int steps = 31;         // on either side of 0

// What the counted members drew, and whether each is a survivor.
std::vector<Contribution> drawn(const Evidence& evidence) {
    std::vector<Contribution> result;
    const std::size_t draws = evidence.counted.empty() ? 0 : evidence.schedules.size() / evidence.counted.size();
    for (std::size_t i = 0; i < evidence.counted.size(); ++i) {
        const auto indices = std::span(evidence.schedules).subspan(i * draws, draws);
        Contribution& contribution = result.emplace_back();
        contribution.survivor =
            std::binary_search(evidence.survivors.begin(), evidence.survivors.end(), evidence.counted[i]);
        contribution.indices.assign(indices.begin(), indices.end());
    }
    return result;
}

// The paper's: what survivors drew is drawn again.
class WinnerCredit : public CreditRule {
  public:
    explicit WinnerCredit(const ExplorationOptions& options) : smoothing_(options.smoothing) {}

    std::vector<std::int32_t> counted(std::span<const std::uint8_t>,
                                      std::span<const std::int32_t> survivors) const override {
        return {survivors.begin(), survivors.end()};
    }
    std::vector<Contribution> contributions(const Evidence& evidence) const override { return drawn(evidence); }
    bool keeps_credits() const override { return false; }
    std::uint32_t level(std::uint32_t count, std::uint32_t, std::int64_t) const override { return count; }
    double weight(std::uint32_t level, double mean_count) const override {
        return std::log1p(smoothing_ * (level + 1) / (mean_count + 1));
    }

    void resolve(ExplorationOptions& options) const override {
        if (options.first_epoch < 0) options.first_epoch = 20;
        if (options.uniform_epochs < 0) options.uniform_epochs = 3;
        if (options.interval_epochs == 0 && options.interval_cycles == 0)
            options.interval_epochs = options.uniform_epochs + 1;
        if (options.mixing == Mixing::automatic) options.mixing = Mixing::epochs;
    }

  private:
    double smoothing_;
};

// What all finite members drew, weighted by how they did.
class AdvantageCredit : public CreditRule {
  public:
    explicit AdvantageCredit(const ExplorationOptions& options)
        : by_loss_(options.credit_signal == CreditSignal::loss), beta_(options.beta) {}

    std::vector<std::int32_t> counted(std::span<const std::uint8_t> finite,
                                      std::span<const std::int32_t>) const override {
        return finite_members(finite);
    }

    std::vector<Contribution> contributions(const Evidence& evidence) const override {
        std::vector<double> signal = by_loss_ ? evidence.loss : evidence.accuracy;
        if (by_loss_) std::transform(signal.begin(), signal.end(), signal.begin(), std::negate<>());
        const std::vector<std::int32_t> z = advantage(signal, evidence.finite);
        std::vector<Contribution> result = drawn(evidence);
        for (std::size_t i = 0; i < result.size(); ++i) {
            const auto member = static_cast<std::size_t>(evidence.counted[i]);
            result[i].credited = evidence.finite[member] != 0;
            result[i].z = z[member];
        }
        return result;
    }

    bool keeps_credits() const override { return true; }
    std::uint32_t level(std::uint32_t, std::uint32_t draws, std::int64_t credit) const override {
        return score_level(beta_ * score(credit, draws));
    }
    double weight(std::uint32_t level, double) const override { return std::exp(scaled_score_of(level)); }

    void resolve(ExplorationOptions& options) const override {
        if (options.first_epoch < 0) options.first_epoch = 0;
        if (options.uniform_epochs < 0) options.uniform_epochs = 0;
        if (options.interval_epochs == 0 && options.interval_cycles == 0) options.interval_cycles = 1;
        if (options.mixing == Mixing::automatic) options.mixing = Mixing::draws;
    }

  private:
    bool by_loss_;
    double beta_;
};

} // namespace

std::vector<std::int32_t> finite_members(std::span<const std::uint8_t> finite) {
    std::vector<std::int32_t> members;
    for (std::size_t member = 0; member < finite.size(); ++member)
        if (finite[member]) members.push_back(static_cast<std::int32_t>(member));
    return members;
}

std::shared_ptr<const CreditRule> make_credit(const ExplorationOptions& options) {
    if (options.credit == Credit::advantage) return std::make_shared<AdvantageCredit>(options);
    return std::make_shared<WinnerCredit>(options);
}

std::vector<std::int32_t> advantage(std::span<const double> reward, std::span<const std::uint8_t> finite) {
    EXPECT(reward.size() == finite.size());
    std::vector<std::int32_t> z(reward.size(), 0);
    std::vector<std::size_t> members; // the finite ones
    for (std::size_t i = 0; i < reward.size(); ++i)
        if (finite[i]) members.push_back(i);
    if (members.size() < 2) return z;

    // Rewards are measured from the first one, so that equal rewards have the deviation 0 exactly.
    const double origin = reward[members.front()];
    const auto number = static_cast<double>(members.size());
    double sum = 0, squares = 0;
    for (const std::size_t i : members) sum += reward[i] - origin;
    const double mean = sum / number;
    for (const std::size_t i : members) squares += (reward[i] - origin - mean) * (reward[i] - origin - mean);
    const double deviation = std::sqrt(squares / number);
    if (!(deviation > 0)) return z;
    for (const std::size_t i : members)
        z[i] = static_cast<std::int32_t>(std::lround((reward[i] - origin - mean) / deviation * unit));
    return z;
}

double score(std::int64_t credit, std::uint32_t draws) {
    return draws == 0 ? 0 : static_cast<double>(credit) / unit / std::sqrt(static_cast<double>(draws));
}

std::uint32_t score_level(double scaled_score) {
    const double clipped = std::clamp(scaled_score, -3.0, 3.0);
    return static_cast<std::uint32_t>(static_cast<int>(neutral_level) + static_cast<int>(std::lround(clipped / step)));
}

double scaled_score_of(std::uint32_t level) {
    return std::clamp(static_cast<int>(level) - static_cast<int>(neutral_level), -steps, steps) * step;
}

} // namespace autosampling
