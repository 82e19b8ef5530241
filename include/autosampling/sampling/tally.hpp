// What has been drawn, and with what success: the counts and credits that the distribution is estimated from.
//
// Letters: N training examples, K draws a cycle.
#pragma once

#include "autosampling/base/named_arrays.hpp"
#include "autosampling/sampling/credit.hpp"
#include "autosampling/sampling/options.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace autosampling {

// 4 bytes an index, 16 where credits are kept, and what was touched since the last exploration.
class Tally {
  public:
    // `options` resolved.
    Tally(const ExplorationOptions& options, std::uint32_t training_images);

    // One cycle's contributions; what `counts` = window or decay asks for is done here.
    void add(std::vector<Contribution> cycle);

    // The level of an index now: its count, or with advantage credit its quantised β · score.
    std::uint32_t level(std::uint32_t index) const;
    // Indices whose level may have changed since the last call, ascending, each once; none where they are so many that
    // it is cheaper to look at all.
    std::optional<std::vector<std::uint32_t>> take_touched();

    std::span<const std::uint32_t> count() const { return count_; }  // (N)
    std::span<const std::uint32_t> draws() const { return draws_; }  // (N), or empty where no credits are kept
    std::span<const std::int64_t> credit() const { return credit_; } // (N), units of 2^-16, or empty
    double mean_count() const;

    void save(NamedArrays& arrays) const;
    void load(const NamedArrays& arrays); // Throws Error(checkpoint).

  private:
    void apply(const Contribution& contribution, int sign);
    void halve();
    void touch(std::span<const std::uint32_t> indices);
    void sort_touched();
    std::size_t many_touched() const { return count_.size() / 8; } // measured: from there on, all at once is cheaper

    std::shared_ptr<const CreditRule> kind_;
    std::int64_t window_cycles_ = 0, half_life_cycles_ = 0;
    std::vector<std::uint32_t> count_, draws_;
    std::vector<std::int64_t> credit_;
    std::int64_t total_ = 0;                       // Σ count
    std::int64_t cycles_ = 0;                      // added
    std::vector<std::uint32_t> touched_;           // up to a quarter of N
    bool all_touched_ = false;                     // instead
    std::deque<std::vector<Contribution>> window_; // the last cycles, oldest first; window only
};

} // namespace autosampling
