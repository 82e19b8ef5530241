// Where rounds of policy search end, and the state that all go on from there, or where the members are averaged.
#pragma once

#include "autosampling/population/plan.hpp"
#include "autosampling/record/run_record.hpp"
#include "autosampling/sampling/policy.hpp"
#include "autosampling/sampling/timetable.hpp"
#include "autosampling/training/trainer.hpp"

#include <cstdint>
#include <vector>

namespace autosampling {

// Whether this cycle is the last of its round; the end of the run ends a round, too.
bool closes_round(const Timetable& timetable, std::int64_t cycle, const Plan& plan);

// What all go on from, evaluated.
struct Leader {
    double accuracy = 0, loss = 0;  // on the reward set
    std::vector<double> class_loss; // (classes) mean there; NaN for a class without images
};

Leader leader_of(const Score& score, const Plan& plan);

// The round that begins, or could begin, with this cycle.
RoundRow round_row(const Policy& policy, std::int64_t first_cycle, const Plan& plan);

} // namespace autosampling
