// The search for a policy's weights: perturbed for each member, moved a round at a time by what the members' rewards
// say of their perturbations.
//
// Letters: P members, J weights.
#pragma once

#include "autosampling/base/named_arrays.hpp"
#include "autosampling/sampling/options.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace autosampling {

// Made of basic operations and square roots alone, so that all ranks agree to the bit.
class PolicySearch {
  public:
    static constexpr double most = 4; // of a weight, either way

    // scale (J): s of each weight.
    PolicySearch(const ExplorationOptions& options, std::uint64_t seed, std::uint32_t members,
                 std::vector<double> scale);

    std::span<const double> weight() const { return weight_; } // (J) w
    std::int64_t round() const { return round_; }              // that is going on
    // As they were recorded or learned before.
    void set_weight(std::span<const double> weight);
    void set_round(std::int64_t round) { round_ = round; }

    // ε of a member in the round that is going on (J): standard normal times the scale, in antithetic pairs: member
    // 2k + 1 has minus that of 2k; an odd last member has 0.
    std::vector<double> perturbation(std::uint32_t member) const;
    // Its weights (J): w + σ ε.
    std::vector<double> weight_of(std::uint32_t member) const;

    // The round is over. reward (P); counts (P): whether the member was finite throughout; vary (J): whether the weight
    // had any effect, else it stays as it is. With fewer than two members that count, or σ = 0, nothing is learned.
    // METHOD: with z the deviations of the rewards from their mean over their smoothed standard deviation, g = mean of
    // z ε, and m̂, v̂ its moments over the rounds, a weight moves by α s q · max(0, 1 − τ² S / q²), q = m̂ / √v̂, after it
    // has shrunk by λ.
    void close_round(std::span<const double> reward, std::span<const std::uint8_t> counts,
                     std::span<const std::uint8_t> vary);

    void save(NamedArrays& arrays) const;
    void load(const NamedArrays& arrays); // Throws Error(checkpoint).

  private:
    std::vector<double> gradient(std::span<const double> reward, std::span<const std::uint8_t> counts);

    ExplorationOptions options_;
    std::uint64_t seed_;
    std::uint32_t members_;
    std::vector<double> scale_;                    // (J)
    std::vector<double> weight_, moment_, square_; // (J) w, m, v
    std::vector<std::int64_t> updates_;            // (J) that the moments have seen
    double deviation_ = 0;                         // d, of the rewards; 0: not known
    std::int64_t round_ = 0;
};

// The variance of q after `updates` rounds in which rewards said nothing.
double null_variance(std::int64_t updates);

} // namespace autosampling
