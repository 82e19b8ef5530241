// Replay: what a search learned, on one fresh model and without a population.
#pragma once

#include "autosampling/options/options.hpp"
#include "autosampling/population/feed.hpp"
#include "autosampling/population/plan.hpp"
#include "autosampling/record/hdf5.hpp"
#include "autosampling/record/run_record.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace autosampling {

// The options of a replay of a run: its own, with one member that explores nothing, the split kept where it was; a
// fresh seed (the run's + 1) unless exact. Throws Error(checkpoint) without a run.h5.
Options replay_options(const Options& recorded, const std::filesystem::path& run, ReplayMode mode);

// The run.h5 of a run that is replayed; reading it starts with the checksum of all of it. Throws Error(checkpoint).
Hdf5File open_replayed_run(const std::filesystem::path& run);

// The resolved configuration in it.
std::string recorded_configuration(const Hdf5File& run);

// What the weights of a run's policy were, in the order of `names`. Throws Error(usage) that names a weight where they
// are not the recorded ones.
WeightSchedule read_weights(const Hdf5File& run, std::span<const std::string> names);

// What tells this run from others by what it did: a hash of its states, in 16 hexadecimal digits.
std::string identity_of(const Hdf5File& run);

// Throws Error(data) where the run was made with another data set than the one of this hash, Error(usage) where its
// training indices don't stand for the same images as in `split`.
void check_replayed_data(const Hdf5File& run, std::uint64_t dataset_hash, const Split& split);

// What options.replay says to feed. `recorded`: the options of the run that is replayed; `file`: its run.h5. Throws
// Error(usage) where the plan doesn't fit the recorded schedule. Local.
std::unique_ptr<Feed> make_replay_feed(const Options& options, const Options& recorded, const Plan& plan,
                                       const Hdf5File& file);

struct Exactness {
    std::optional<std::int64_t> first_difference; // the cycle
    std::int64_t by_state = 0, by_loss = 0;       // cycles compared
};

// Whether an exact replay has recorded what the run has: each cycle's state where both took its hash, else its training
// loss. The run took none where the member that is followed wasn't the winner, and on a GPU few.
Exactness compare_states(const std::filesystem::path& replay, const std::filesystem::path& run);

} // namespace autosampling
