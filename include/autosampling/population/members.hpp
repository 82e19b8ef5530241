// The members of this rank in a cycle: drawn for, trained, evaluated.
//
// Letters: P members, K draws a cycle.
#pragma once

#include "autosampling/population/context.hpp"
#include "autosampling/population/exchange.hpp"
#include "autosampling/population/hyperparameters.hpp"
#include "autosampling/population/placement.hpp"
#include "autosampling/population/selection.hpp"
#include "autosampling/sampling/credit.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace autosampling {

class Members {
  public:
    // What it is given outlives it.
    Members(const Context& context, const Placement& placement, StateStore& store,
            const Hyperparameters& hyperparameters)
        : context_(context), placement_(placement), store_(store), hyperparameters_(hyperparameters) {}

    // Takes each of them through a cycle; the store keeps what they end with, some of it in the trainers, which must
    // stay as they are until the exchange. Returns what those came to whose states this rank holds, ascending.
    // Collective over the team.
    std::vector<Outcome> run(std::int64_t cycle, std::uint8_t attempt);

    // The draws of the last cycle, and their losses, of some members (ascending), one member after the other,
    // on every rank. Collective.
    std::vector<std::uint32_t> gather_schedules(const std::vector<std::int32_t>& members) const;
    std::vector<float> gather_losses(const std::vector<std::int32_t>& members) const;

    // Places in the reward part that the last cycle looked at.
    const std::vector<std::uint32_t>& reward_places() const { return reward_places_; }
    // What the draws of the last cycle weighed (K); empty without a rule.
    const std::vector<float>& draw_weight() const { return draw_weight_; }
    // What a member's hyper-parameters are multiplied by: as recorded in an exact replay, else the member's own.
    HyperparameterFactors factors(std::int32_t member, std::int64_t cycle) const;

  private:
    void run_together(std::span<Outcome> members, std::int64_t cycle, std::uint8_t attempt);
    CycleTask prepare(Outcome& outcome, Trainer& trainer, std::int64_t cycle, std::uint8_t attempt);
    void note_training(Outcome& outcome, CycleResult trained);
    void note_score(Outcome& outcome, const Score& score) const;
    Weighting weigh(std::int64_t cycle, std::uint8_t attempt);
    template<class T>
    std::vector<T> gather(const std::vector<std::int32_t>& members,
                          const std::map<std::int32_t, std::vector<T>>& mine) const;

    const Context& context_;
    const Placement& placement_;
    StateStore& store_;
    const Hyperparameters& hyperparameters_;
    std::map<std::int32_t, std::vector<std::uint32_t>> schedules_; // (K) by member
    std::map<std::int32_t, std::vector<float>> draw_losses_;       // (K) likewise
    std::vector<float> draw_weight_;                               // (K) of a rule's one member
    std::vector<std::uint32_t> reward_places_;
};

// What selection goes by.
double reward_of(Reward reward, double accuracy, double loss);

} // namespace autosampling
