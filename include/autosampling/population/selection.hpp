// Selection: from all members' outcomes to everybody's parent, a pure function.
//
// Letter: P members.
#pragma once

#include "autosampling/options/options.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace autosampling {

// What a member comes to in a cycle; gathered from all ranks.
struct Outcome {
    std::int32_t member = -1;
    std::uint8_t finite = 0; // loss, weights and reward
    double reward = 0;       // what selection goes by; higher is better
    double accuracy = 0;     // on the reward set
    double reward_loss = 0;  // mean cross-entropy on the reward set
    double train_loss = 0;
    double seconds_train = 0;
    double seconds_reward = 0;
    std::int64_t position = 0; // in the member's stream of draws; policy search only
};

// Whether a is ahead of b: finite first, then higher reward, lower reward-set loss, lower member number.
bool ahead(const Outcome& a, const Outcome& b);

struct Selection {
    std::int32_t winner = -1;            // the best member, a survivor; −1 under mean
    std::vector<std::int32_t> parent;    // (P) whose state each member goes on from; empty under mean
    std::vector<std::int32_t> survivors; // the members that are a parent, ascending; each is finite and its own parent.
                                         // Under mean the finite ones. None: the cycle must be repeated
};

// How many survivors' sub-schedules a cycle can record; within a round of policy search all survive. `options`
// resolved.
std::int64_t survivor_slots(const Options& options);

// How many different states the members go on from after a cycle, at most. `options` resolved.
std::int64_t most_survivors(const Options& options);

// outcomes (P), in the order of the members. A member that isn't finite never survives: where a rule would leave it as
// it is, it goes on from the best.
//   best        everyone goes on from the best (AutoSampling)
//   top-k       the first `survivors` go on as they are, each other one takes one of them, round robin by its place
//   truncation  the last `fraction` of the members take the states of the first, the last that of the best, the last
//   but
//               one that of the second, and so on (Jaderberg et al., 2017, draw there at random)
//   tournament  pairs drawn by (seed, cycle): the loser takes the winner's state (Jacobs et al., 2017, LTFB)
//   mean        everyone goes on from the mean of all finite members' states: there is no winner
//   none        everyone goes on as it is
Selection select(const PopulationOptions& options, std::span<const Outcome> outcomes, std::uint64_t seed,
                 std::int64_t cycle);

} // namespace autosampling
