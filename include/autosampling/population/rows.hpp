// The parts of a cycle's row of the record.
//
// Letters: P members, K draws a cycle.
#pragma once

#include "autosampling/population/placement.hpp"
#include "autosampling/population/selection.hpp"
#include "autosampling/record/run_record.hpp"
#include "autosampling/sampling/credit.hpp"
#include "autosampling/training/options.hpp"

#include <cstdint>
#include <span>

namespace autosampling {

// What the members (P) came to, and how long each one's rank waited for the slowest.
void add_outcomes(CycleRow& row, std::span<const Outcome> outcomes, const Placement& placement);

// What the members (P) were trained with; their factors only where they `vary`.
void add_hyperparameters(CycleRow& row, std::span<const HyperparameterFactors> factors, double learning_rate,
                         double weight_decay, bool vary);

// The sub-schedules (K) of the row's survivors and, with `losses`, those of their draws, in so many slots; the rest is
// −1 and NaN.
void add_schedules(CycleRow& row, const Evidence& evidence, std::size_t slots, std::size_t draws, bool losses);

} // namespace autosampling
