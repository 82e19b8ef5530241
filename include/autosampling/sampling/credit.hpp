// What a cycle's rewards say about the indices that were drawn in it.
//
// Letters: P members, C members whose draws count, K draws a cycle.
#pragma once

#include "autosampling/sampling/options.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace autosampling {

// A cycle as all ranks know it: what is learned from.
struct Evidence {
    std::vector<double> accuracy, loss;   // (P) on the reward set
    std::vector<std::uint8_t> finite;     // (P)
    std::vector<std::int32_t> survivors;  // ascending
    std::vector<std::int32_t> counted;    // (C) the members whose draws follow, ascending
    std::vector<std::uint32_t> schedules; // (C, K) in the order in which they were fed
    std::vector<float> draw_loss;         // (C, K) of each draw before its batch's step; or empty
    std::vector<std::int64_t> position;   // (P) where the members' streams stand then; policy search only
};

// Those that are, ascending. finite (P)
std::vector<std::int32_t> finite_members(std::span<const std::uint8_t> finite);

// One member's part in a cycle that counts.
struct Contribution {
    bool survivor = false;              // its draws enter the counts
    bool credited = false;              // its draws enter the credits (advantage credit, finite members)
    std::int32_t z = 0;                 // its advantage in units of 2^-16
    std::vector<std::uint32_t> indices; // (K) in the order in which they were fed
};

// A kind of credit: whose draws count and for how much, and what an index is worth that was drawn so. The level of an
// index is all that its probability depends on.
class CreditRule {
  public:
    virtual ~CreditRule() = default;

    // The members whose draws count, ascending.
    virtual std::vector<std::int32_t> counted(std::span<const std::uint8_t> finite,
                                              std::span<const std::int32_t> survivors) const = 0;
    virtual std::vector<Contribution> contributions(const Evidence& evidence) const = 0;
    // Whether draws and credits are kept of each index, beside its count.
    virtual bool keeps_credits() const = 0;
    // The level of an index by its count, or by its draws and credit.
    virtual std::uint32_t level(std::uint32_t count, std::uint32_t draws, std::int64_t credit) const = 0;
    // What an index of this level weighs among the others.
    virtual double weight(std::uint32_t level, double mean_count) const = 0;
    // Fills in the options that depend on the credit (first_epoch −1 and so on).
    virtual void resolve(ExplorationOptions& options) const = 0;
};

// The one that the options ask for.
std::shared_ptr<const CreditRule> make_credit(const ExplorationOptions& options);

// Advantage credit: for each member z = (r − mean r) / sd r over the finite members (population standard deviation), in
// units of 2^-16, rounded to the nearest; 0 for the others, and for all when fewer than two are finite or sd is 0.
// reward (P), finite (P) -> (P)
std::vector<std::int32_t> advantage(std::span<const double> reward, std::span<const std::uint8_t> finite);

// The score of an index: credit · 2^-16 / √draws; 0 without a draw. About standard normal for an index that changes
// nothing.
double score(std::int64_t credit, std::uint32_t draws);

// Scores as levels: β · score in steps of 3/31 from −3 to 3, level 32 at 0, so that an index that was never drawn has
// the weight 1 exactly.
constexpr std::uint32_t score_levels = 64;
constexpr std::uint32_t neutral_level = 32;
std::uint32_t score_level(double scaled_score);
// The β · score that a level stands for.
double scaled_score_of(std::uint32_t level);

} // namespace autosampling
