// Checkpoints: checkpoint/cycle-<8 digits>/ with one state-<member>.h5 for each distinct state and index.h5, which is
// renamed into place last: without it there is no checkpoint.
//
// Letters: D state length, P members, N training examples.
#pragma once

#include "autosampling/base/named_arrays.hpp"
#include "autosampling/base/state_tensor.hpp"
#include "autosampling/record/run_record.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace autosampling {

// A state file by itself.
struct StateFile {
    std::vector<float> state; // (D)
    std::vector<StateTensor> layout;
};

// Everything but the states.
struct CheckpointIndex {
    std::int64_t cycle = 0;                // cycles done
    std::int32_t winner = 0;               // of the last cycle; 0 where the members are averaged
    std::vector<std::int32_t> state_of;    // (P) number of the file that holds the member's state: state-<number>.h5
    std::vector<std::int32_t> state_files; // (distinct states) those numbers, ascending
    std::vector<std::uint64_t> state_hash; // (distinct states) hash of each
    std::uint64_t winner_hash() const;     // of the winner's, or of the mean of all
    NamedArrays sampling;                  // the state of sampling, as that layer saves it
    Launch launch;                         // of the job that wrote it
    RunHeader header;                      // without the examples: the first segment has them
};

// checkpoint/cycle-<8 digits>.
std::filesystem::path checkpoint_folder(const std::filesystem::path& run, std::int64_t cycle);

// Writes and publishes one state (D) f32 with its layout. Local; on a rank that holds it.
void write_state(const std::filesystem::path& folder, std::int32_t number, std::span<const float> state,
                 std::span<const StateTensor> layout);
// Reads one state back and checks its hash. Throws Error(checkpoint).
std::vector<float> read_state(const std::filesystem::path& folder, std::int32_t number, std::uint64_t hash);

// Reads a state file, wherever it is, and checks that its layout lies within it. Throws Error(checkpoint).
StateFile read_state_file(const std::filesystem::path& path);

// Publishes index.h5; then removes the older ones but for the newest `keep` (≥ 1), this one counted, and older ones
// that were never finished. What the program didn't make stays: files of other names, and a folder whose index isn't
// that of its cycle. Returns the cycle of the oldest one kept.
std::int64_t write_index(const std::filesystem::path& run, const CheckpointIndex& index, std::int64_t keep);

// Every entry checkpoint/cycle-<number>, the newest first.
std::map<std::int64_t, std::filesystem::path, std::greater<>> list_checkpoints(const std::filesystem::path& run);

// Removes a checkpoint's own files, and its folder where nothing else is in it.
void remove_checkpoint(const std::filesystem::path& folder);

// Reads index.h5 of a checkpoint's folder and checks that it is whole and the folder's, not the states. Throws
// Error(checkpoint).
CheckpointIndex read_index(const std::filesystem::path& folder);

// Checks the states; returns the layout, which they all have. Throws Error(checkpoint).
std::vector<StateTensor> check_states(const std::filesystem::path& folder, const CheckpointIndex& index);

// The newest checkpoint whose checksums hold, states included; why others were passed over is added to `passed_over`.
std::optional<CheckpointIndex> newest_checkpoint(const std::filesystem::path& run,
                                                 std::vector<std::string>& passed_over);

} // namespace autosampling
