// What every rank holds of sampling: which indices any member draws in any cycle, what the survivors' draws did to the
// distribution. The same on all ranks, bit for bit.
//
// Letters: N training examples, K draws a cycle, L levels.
#pragma once

#include "autosampling/base/named_arrays.hpp"
#include "autosampling/sampling/credit.hpp"
#include "autosampling/sampling/level_groups.hpp"
#include "autosampling/sampling/lineage_pool.hpp"
#include "autosampling/sampling/options.hpp"
#include "autosampling/sampling/perturbation.hpp"
#include "autosampling/sampling/policy.hpp"
#include "autosampling/sampling/tally.hpp"
#include "autosampling/sampling/timetable.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace autosampling {

class Sampler {
  public:
    // `options` resolved; the perturbation's tables are those of rank 0. Throws Error(usage) for K > N.
    Sampler(const ExplorationOptions& options, std::uint64_t seed, std::uint32_t training_images, std::uint32_t draws,
            Perturbation perturbation);
    // Policy search; `batches` of a cycle.
    Sampler(const ExplorationOptions& options, std::uint64_t seed, std::uint32_t draws, std::int64_t batches,
            Policy policy);

    const Timetable& timetable() const { return timetable_; }
    std::uint32_t draws() const { return draws_; } // K

    // The sub-schedule of one member (K): a pure function of the state, the member and the attempt. `cycle` is the next
    // one that `count` will be told of. Returns where the member's stream stands then, for the evidence; 0 without
    // policy search.
    std::int64_t draw(std::uint32_t member, std::int64_t cycle, std::uint8_t attempt,
                      std::span<std::uint32_t> out) const;

    // The members whose draws the next cycle's evidence must hold, ascending.
    std::vector<std::int32_t> counted(std::span<const std::uint8_t> finite,
                                      std::span<const std::int32_t> survivors) const {
        return timetable_.has_rounds() ? finite_members(finite) : credit_->counted(finite, survivors);
    }
    // The cycle is done: what the members drew counts as the kind of credit has it.
    void learn(std::int64_t cycle, const Evidence& evidence);
    // The same from the contributions themselves. With `uniform` = lineage exactly one of them is a survivor.
    void count(std::int64_t cycle, std::vector<Contribution> contributions);

    // An exploration point: brings the groups up to date and returns the weight of each level (L), which rank 0's
    // values replace (mathematical libraries differ in the last bit), before `adopt` makes them the distribution.
    std::vector<double> estimate();
    void adopt(std::vector<double> weights);
    // The end of a round of policy search, as Policy has it.
    void close_round(std::span<const double> class_loss, double share_done) {
        policy_->close_round(class_loss, tally_, share_done);
    }
    void enter_round(std::int64_t round, std::span<const double> weight, std::span<const double> class_loss,
                     std::span<const std::uint8_t> loss_level) {
        policy_->enter_round(round, weight, class_loss, loss_level, tally_);
    }
    const std::optional<Policy>& policy() const { return policy_; }

    // The learned distribution as last adopted, before mixing and perturbation; uniform before the first exploration.
    double entropy() const;                                    // nats
    std::vector<double> probability() const;                   // (N)
    std::uint32_t exploration() const { return exploration_; } // how many there have been

    const Tally& tally() const { return tally_; }

    NamedArrays save() const;
    void load(const NamedArrays& arrays); // Throws Error(checkpoint).

  private:
    void draw_uniform(std::uint32_t member, std::uint8_t attempt, std::span<std::uint32_t> out) const;
    void draw_learned(std::uint32_t member, std::int64_t cycle, std::uint8_t attempt,
                      std::span<std::uint32_t> out) const;
    std::uint32_t pick_place(RandomStream& random) const; // in the groups' order

    ExplorationOptions options_;
    std::uint64_t seed_;
    std::uint32_t training_images_, draws_;
    Timetable timetable_;
    std::shared_ptr<const CreditRule> credit_;
    Perturbation perturbation_;
    Tally tally_;
    LevelGroups groups_;
    std::optional<LineagePool> pool_;
    std::optional<Policy> policy_;
    std::vector<double> weights_;      // (L) of one index of each level
    std::vector<double> cumulative_;   // (L) of whole groups, inclusive
    std::vector<std::uint32_t> guide_; // the level in which each of so many equal parts of their sum begins
    std::uint32_t exploration_ = 0;
    std::int64_t uniform_cycles_ = 0; // done
};

} // namespace autosampling
