// Policy search as every rank knows it, to the bit: the signals, the weights that are searched, and where each member
// is in its stream of draws. METHOD: "Policy search, in a space of few dimensions".
//
// Letters: N training examples, P members, J weights, K draws a cycle, C classes.
#pragma once

#include "autosampling/base/named_arrays.hpp"
#include "autosampling/sampling/credit.hpp"
#include "autosampling/sampling/policy_search.hpp"
#include "autosampling/sampling/signals.hpp"
#include "autosampling/sampling/tally.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace autosampling {

// Weights that were learned before, by the share of the run that was done when they came into force.
struct WeightSchedule {
    std::vector<double> share;               // (rounds) ascending from 0
    std::vector<std::vector<double>> weight; // (rounds)(J)
};

class Policy {
  public:
    // Throws Error(usage) that names what is wrong with exploration.weights.
    Policy(const ExplorationOptions& options, std::uint64_t seed, std::uint32_t members, Signals signals);
    // From the start on: nothing is searched, one member follows what was learned before.
    void follow(WeightSchedule schedule);

    const PolicySearch& search() const { return search_; }
    const Signals& signals() const { return signals_; }

    // The sub-schedule of one member (K); returns where its stream stands then, which `learn` must be told.
    std::int64_t draw(std::uint32_t member, std::int64_t cycle, std::uint8_t attempt,
                      std::span<std::uint32_t> out) const;
    // P(x) by the weights without perturbation. (N)
    std::vector<double> probability() const;

    // A cycle stands.
    void learn(const Evidence& evidence);
    // The last cycle that was learned from ended the round, with so much of the run done. class_loss (C): mean loss on
    // the reward set of what all go on from; NaN for a class without examples there.
    void close_round(std::span<const double> class_loss, const Tally& tally, double share_done);
    // The same, as it was recorded: the round that begins, its weights (J), and what signals know.
    void enter_round(std::int64_t round, std::span<const double> weight, std::span<const double> class_loss,
                     std::span<const std::uint8_t> loss_level, const Tally& tally);

    void save(NamedArrays& arrays) const;
    void load(const NamedArrays& arrays); // Throws Error(checkpoint).

  private:
    void take_weights(double share_done);

    ExplorationOptions options_;
    std::uint64_t seed_;
    Signals signals_;
    PolicySearch search_;
    WeightSchedule schedule_;            // or empty
    std::vector<std::int64_t> position_; // (P) in the member's stream
    std::vector<std::uint8_t> finite_;   // (P) throughout the round so far
    std::vector<double> reward_;         // (P) of the last cycle
};

} // namespace autosampling
