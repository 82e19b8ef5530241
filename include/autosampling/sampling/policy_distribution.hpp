// P(x) ∝ exp(clip(Σ_j w_j · φ_j(x), −3, 3)), and draws from it by rejection: a candidate costs a look-up a signal,
// whatever N, and nothing is held over the N examples.
//
// Letters: N training examples, J weights, K draws a cycle.
#pragma once

#include "autosampling/base/random.hpp"
#include "autosampling/sampling/signals.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace autosampling {

// Whole numbers decide: each signal's part of the exponent is rounded to 2^-12, and the acceptance of every exponent is
// a table of 32-bit thresholds, made of basic operations alone. So no draw hangs on a rank's mathematical library.
class PolicyDistribution {
  public:
    static constexpr int unit = 4096; // of an exponent
    static constexpr int clip = 3;

    // weight (J), in the order of the signals, which outlive it. O(levels).
    PolicyDistribution(const Signals& signals, std::span<const double> weight);

    // P(x), normalised, for tests and tables. (N)
    std::vector<double> probability() const;

    // Thinned permutations (K): the stream of uniform draws of `member` and `attempt`, from a position on, each index
    // kept with probability P(x) / max P, where max P is that of the most favoured levels that occur, occurring
    // together or not. With all weights 0 that is the uniform stream itself. Returns the position after the last draw.
    std::int64_t thin(std::uint64_t seed, std::uint32_t member, std::uint8_t attempt, std::int64_t position,
                      std::span<std::uint32_t> out) const;
    // Independent draws (K), with replacement; the slot is the place in `out`.
    void draw(const RandomKey& key, std::span<std::uint32_t> out) const;

  private:
    // How far below the greatest exponent that of x is, in units.
    std::uint32_t below(std::uint32_t index) const;

    const Signals& signals_;
    std::vector<std::vector<std::int32_t>> part_; // (signals)(levels) of the exponent, in units
    std::int32_t greatest_ = 0;                   // exponent, in units
};

} // namespace autosampling
