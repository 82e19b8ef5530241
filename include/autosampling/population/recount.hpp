// Sampling from the record: what was drawn and how the distribution was learned follow from the options, the seed and
// the recorded outcomes, without training anything.
#pragma once

#include "autosampling/options/options.hpp"
#include "autosampling/record/run_record.hpp"
#include "autosampling/sampling/sampler.hpp"

#include <filesystem>
#include <functional>
#include <span>
#include <vector>

namespace autosampling {

// Takes a sampler through a recorded cycle, exploration included, but not into another round. Throws Error(checkpoint)
// where the recorded sub-schedules are not those that the sampler draws; with exploration.kind = none, where a rule or
// a replay may have drawn, they are taken as they are.
void recount(Sampler& sampler, const ExplorationOptions& options, const CycleRow& row);

// A policy before its first round. `options` resolved; label (N), and the columns that exploration.signals names.
Policy make_policy(const Options& options, std::span<const std::int32_t> label, std::int64_t classes,
                   std::span<const Column> columns);

// The sampler of a recorded run before its first cycle, with a perturbation table of this machine's own. `options`
// resolved.
Sampler make_sampler(const Options& options, const RunHeader& header);

// What was counted so far and the distribution that is learned from all of it: at the end of a run the final datasets
// of run.h5.
FinalDistribution final_distribution(Sampler sampler);

// A sampler that was taken through the first `cycles` recorded cycles; `after` sees it after each. `options`: those of
// the run's configuration.
Sampler recount(const RecordedRun& run, const Options& options, std::int64_t cycles,
                const std::function<void(std::int64_t cycles_done, const Sampler&)>& after = {});

} // namespace autosampling
