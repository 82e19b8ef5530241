#include "autosampling/record/resume.hpp"

#include "autosampling/base/counted.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/record/join.hpp"
#include "autosampling/record/summary.hpp"
#include "identity.hpp"
#include "segment.hpp"

#include <algorithm>

namespace autosampling {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t most_values = 1 << 24; // of the schedules in a segment that is written anew: 64 MB

// The whole cycles of a run, with those that its run.h5 has.
Chain chain_of(const fs::path& run, const RunHeader& header) {
    const auto run_file = open_run_file(run, header);
    return find_chain(run, &header, run_file ? static_cast<std::int64_t>(run_file->cycles()) : 0);
}

bool is_complete(const fs::path& run, const Chain& chain, const RunHeader& header) {
    const bool from_segments = std::none_of(chain.parts.begin(), chain.parts.end(),
                                            [](const NamedSegment& part) { return part.path.empty(); });
    const auto run_file = open_run_file(run, header);
    return from_segments && run_file && static_cast<std::int64_t>(run_file->cycles()) == chain.cycles &&
           read_summary(run / "summary.json").state == "finished";
}

// No checkpoint is to be had. To begin again costs nothing but what a first checkpoint would have saved; or it would
// put aside a run.
ResumePoint begin_again(const fs::path& run, std::vector<std::string> warnings) {
    const auto checkpoints = list_checkpoints(run);
    const auto segments = list_segments(run);
    const bool had_one = read_summary(run / "summary.json").cycles > 0 ||
                         std::any_of(checkpoints.begin(), checkpoints.end(),
                                     [](const auto& entry) { return fs::exists(entry.second / "index.h5"); });
    if (!had_one && segments.size() <= 1 && !fs::exists(run / "run.h5")) {
        warnings.push_back(run.string() + " has no checkpoint (the run ended before its first one): it begins again");
        return {{}, {}, std::move(warnings)};
    }
    std::string reasons;
    for (const std::string& warning : warnings) reasons += (reasons.empty() ? "" : "; ") + warning;
    const Chain chain = find_chain(run, nullptr, 0);
    throw Error(ExitCode::checkpoint,
                text("no usable checkpoint in ", run.string(), " (", reasons.empty() ? "there is none" : reasons,
                     "): put back from a copy what is missing or damaged, or start another run with another --output",
                     chain.cycles == 0 || fs::exists(run / "run.h5")
                         ? ""
                         : text("; autosampling finish ", run.string(), " collects the ",
                                counted(chain.cycles, "cycle"), " recorded")));
}

// Writes the cycles [first, last] of a file of this run, which begins with cycle `offset`, as segments that are no
// larger than memory need hold.
void write_part(const fs::path& run, const SegmentFile& file, std::int64_t offset, std::int64_t first,
                std::int64_t last) {
    const std::int64_t values = std::max<std::int64_t>(file.header().slots * file.header().draws, 1); // a cycle
    const std::int64_t most = std::max<std::int64_t>(most_values / values, 1);
    const RunHeader header = read_header(file.file());
    const Launch launch = read_launch(file.file());
    for (std::int64_t cycle = first; cycle <= last; cycle += most) {
        const std::int64_t cycles = std::min(most, last - cycle + 1);
        write_segment(run, header, launch,
                      file.read(static_cast<std::uint64_t>(cycle - offset), static_cast<std::uint64_t>(cycles)));
    }
}

// Makes the chain consist of segments that end at `cycle`.
void mend_record(const fs::path& run, const Chain& chain, std::int64_t cycle, const RunHeader* header) {
    const fs::path superseded = superseded_record(run);
    for (const NamedSegment& segment : list_segments(run)) // what isn't in the chain
        if (std::none_of(chain.parts.begin(), chain.parts.end(),
                         [&](const NamedSegment& part) { return part.path == segment.path; }))
            set_aside(segment.path, superseded);
    for (const NamedSegment& part : chain.parts) {
        if (part.first < cycle && part.path.empty())
            write_part(run, *open_run_file(run, *header), 0, part.first, std::min(part.last, cycle - 1));
        if (part.path.empty() || part.last < cycle) continue;
        if (part.first < cycle) write_part(run, SegmentFile(part.path), part.first, part.first, cycle - 1);
        set_aside(part.path, superseded);
    }
}

// Checkpoints beyond the one that the run goes on from, and what else stands where it will write its next ones.
void mend_checkpoints(const fs::path& run, std::int64_t cycle) {
    for (const auto& [number, path] : list_checkpoints(run)) {
        if (!fs::exists(path / "index.h5")) remove_checkpoint(path); // never finished
        if (number > cycle && fs::exists(path)) set_aside(path, run / "checkpoint" / "superseded");
    }
}

// What follows from the record lags behind from now on. What it has more, or what is no run.h5 of this run, is kept.
void put_away_derived(const fs::path& run, std::int64_t cycle, const RunHeader* header) {
    fs::remove(run / "history.h5");
    if (!fs::exists(run / "run.h5")) return;
    const auto run_file = header ? open_run_file(run, *header) : std::nullopt;
    if (run_file && static_cast<std::int64_t>(run_file->cycles()) <= cycle)
        fs::remove(run / "run.h5");
    else
        set_aside(run / "run.h5", superseded_record(run));
}

// The hashes of the states that the record has after the cycles [first, last]; none where it lacks columns of `like`.
std::vector<std::uint64_t> recorded_states(const fs::path& run, std::int64_t first, std::int64_t last,
                                           const SegmentFile& like) {
    std::vector<std::uint64_t> states;
    for (const NamedSegment& part : list_segments(run)) {
        const std::int64_t from = std::max(first, part.first), to = std::min(last, part.last);
        if (from > to) continue;
        const SegmentFile file(part.path);
        for (const Columns<CycleRow>& columns : optional_cycle_columns())
            if (like.has(columns) && !file.has(columns)) return {};
        const auto some = file.file().read_steps<std::uint64_t>(
            "state_hash", static_cast<std::uint64_t>(from - part.first), static_cast<std::uint64_t>(to - from + 1));
        states.insert(states.end(), some.begin(), some.end());
    }
    return states;
}

// Whether the cycles of a segment that was set aside were computed again since, and came out as they were.
bool is_repeated(const fs::path& run, const fs::path& aside) {
    try {
        const SegmentFile file(aside);
        const auto cycles = file.file().read<std::int64_t>("cycle");
        return !cycles.empty() && recorded_states(run, cycles.front(), cycles.back(), file) ==
                                      file.file().read<std::uint64_t>("state_hash");
    } catch (const std::exception&) { // it can't be read: all the more it stays
        return false;
    }
}

// So that what is set aside doesn't grow with every kill.
void remove_repeated(const fs::path& run) {
    const fs::path superseded = superseded_record(run);
    if (!fs::exists(superseded)) return;
    std::vector<fs::path> repeated;
    for (const fs::directory_entry& entry : fs::directory_iterator(superseded))
        if (is_repeated(run, entry.path())) repeated.push_back(entry.path());
    for (const fs::path& path : repeated) fs::remove(path);
    if (fs::is_empty(superseded)) fs::remove(superseded);
}

} // namespace

ResumePoint find_resume_point(const fs::path& run) {
    std::vector<std::string> warnings;
    for (const auto& [cycle, folder] : list_checkpoints(run)) {
        std::optional<CheckpointIndex> index;
        std::vector<StateTensor> layout;
        try {
            index = read_index(folder);
            layout = check_states(folder, *index);
        } catch (const std::exception& error) {
            warnings.push_back(text("checkpoint passed over: ", error.what()));
            continue;
        }
        const Chain chain = chain_of(run, index->header); // none, where a checkpoint of another run was copied here
        if (chain.cycles < cycle) {
            warnings.push_back(text("checkpoint passed over: ", folder.string(), " (the record is whole up to cycle ",
                                    chain.cycles, " only: ", chain.end.empty() ? "the rest is missing" : chain.end,
                                    ")"));
            continue;
        }
        for (const std::string& problem : chain.problems)
            warnings.push_back("the record is mended from run.h5: " + problem);
        const bool complete = chain.cycles == cycle && is_complete(run, chain, index->header);
        return {std::move(index), std::move(layout), std::move(warnings), complete};
    }
    return begin_again(run, std::move(warnings));
}

RecordExtent prepare_resume(const fs::path& run, const ResumePoint& point, std::int64_t cycles_planned) {
    const std::int64_t cycle = point.cycle();
    const RunHeader* header = point.checkpoint ? &point.checkpoint->header : nullptr;
    mend_record(run, header ? chain_of(run, *header) : Chain{}, cycle, header);
    mend_checkpoints(run, cycle);
    if (cycles_planned > cycle) put_away_derived(run, cycle, header);
    const RecordExtent extent = join_ended_jobs(run);
    remove_repeated(run);
    ENSURE(extent.cycles == cycle);
    return extent;
}

} // namespace autosampling
