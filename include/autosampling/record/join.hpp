// Small segments become larger ones as a run goes on, so that their number and what each costs stay small.
#pragma once

#include "autosampling/record/run_record.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace autosampling {

constexpr std::size_t least_joined = 16; // segments that are worth a joining
// Bytes up to which a segment is small: those of checkpoints that come often, and those that were joined from them.
constexpr std::array<std::uintmax_t, 2> small_segments{256 << 10, 4 << 20};

// Joins the last segments of one job, from cycle `first` up to cycle `end`, when `least` small ones stand side by side.
// A segment that was joined is whole before its parts are removed. What can't be joined, for lack of room, say, stays.
void join_segments(const std::filesystem::path& run, std::int64_t first, std::int64_t end,
                   std::size_t least = least_joined);

// The same for jobs that have ended: of each, all small segments that stand side by side; then, when they
// are sixteen, those of several jobs, whose last one the joined segment names. Returns what the record then consists
// of.
RecordExtent join_ended_jobs(const std::filesystem::path& run);

// A job without what it says by rank, which only its first segment holds.
Launch without_ranks(Launch launch);

} // namespace autosampling
