// Each member's own distortion of the shared distribution: factors exp(σ · z), z standard normal truncated to |z| ≤ 3,
// a pure function of (seed, member, exploration number, index).
#pragma once

#include <cstdint>
#include <vector>

namespace autosampling {

// z takes 65,536 equally probable values, the mid-quantiles of the truncated normal. They, and the acceptance
// thresholds of the rejection step, are tables, so that no draw hangs on a rank's mathematical library: computed on
// rank 0 and broadcast.
class Perturbation {
  public:
    // 0 ≤ σ ≤ 1.
    Perturbation(std::uint64_t seed, double sigma);
    // From rank 0's thresholds (65536), as `thresholds` gives them.
    Perturbation(std::uint64_t seed, double sigma, std::vector<std::uint32_t> thresholds);

    double sigma() const { return sigma_; }
    const std::vector<std::uint32_t>& thresholds() const { return thresholds_; }

    // Whether a member takes a drawn index, given 32 uniform bits: with probability exp(σ · (z − 3)).
    bool accepts(std::uint32_t member, std::uint32_t exploration, std::uint32_t index, std::uint32_t bits) const;
    // The factor exp(σ · z) itself; for tests and tables.
    double factor(std::uint32_t member, std::uint32_t exploration, std::uint32_t index) const;

  private:
    std::uint32_t bin(std::uint32_t member, std::uint32_t exploration, std::uint32_t index) const;

    std::uint64_t seed_;
    double sigma_;
    std::vector<std::uint32_t> thresholds_; // (65536) exp(σ · (z − 3)) · 2^32 − 1
};

} // namespace autosampling
