// run.h5 from the segments, in three passes: whether they are whole; backwards, the line of ancestors; the copy.
#include "autosampling/base/counted.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/record/run_record.hpp"
#include "field_io.hpp"
#include "identity.hpp"
#include "segment.hpp"

#include <algorithm>
#include <deque>

namespace autosampling {
namespace {

namespace fs = std::filesystem;

struct Survey {
    std::vector<std::int32_t> line; // for each cycle, the ancestor of the last winner; empty without winners
    std::uint64_t epochs = 0, rounds = 0;
    std::vector<Columns<CycleRow>> optional; // the tables that all segments have
};

// Goes through the segments backwards: member m in cycle t went on from the state of parent[t−1][m].
Survey survey(const RecordExtent& extent, const RunHeader& header) {
    const std::int64_t members = header.members;
    Survey found;
    found.optional = optional_cycle_columns();
    if (header.slots > 0) found.line.resize(static_cast<std::size_t>(extent.cycles));
    auto at = found.line.rbegin();
    for (auto path = extent.segments.rbegin(); path != extent.segments.rend(); ++path) {
        const SegmentFile segment(*path);
        check_same_run(segment, header);
        found.epochs += segment.epochs();
        found.rounds += segment.rounds();
        std::erase_if(found.optional, [&](const auto& columns) { return !segment.has(columns); });
        if (found.line.empty()) continue;
        const auto parent = segment.file().read<std::int32_t>("parent"); // (cycles of the segment, P)
        const auto winner = segment.file().read<std::int32_t>("winner"); // (cycles of the segment)
        const auto cycles = std::ssize(winner);
        VALIDATE(std::ssize(parent) == cycles * members, ExitCode::checkpoint, path->string(),
                 " is damaged (parent has ", parent.size(), " elements for ", counted(cycles, "cycle"), " of ",
                 counted(members, "member"), "): restore it from a copy");
        for (auto cycle = cycles - 1; cycle >= 0; --cycle, ++at) {
            *at =
                at == found.line.rbegin() ? winner.back() : parent[static_cast<std::size_t>(cycle * members + at[-1])];
            VALIDATE(*at >= 0 && *at < members, ExitCode::checkpoint, path->string(), " is damaged (it names member ",
                     *at, " of ", members, "): restore it from a copy");
        }
    }
    return found;
}

LineRow line_row(const CycleRow& row, std::int32_t member, std::int64_t draws) {
    const auto slot = std::find(row.survivor.begin(), row.survivor.end(), member);
    VALIDATE(slot != row.survivor.end(), ExitCode::checkpoint, "the record of cycle ", row.cycle,
             " is damaged (member ", member,
             ", from which the final best member descends, isn't among its survivors): restore it from a copy");
    const auto begin = row.survivor_schedule.begin() + (slot - row.survivor.begin()) * draws;
    return {member, {begin, begin + draws}};
}

void copy_segments(Hdf5File& file, const RecordExtent& extent, const RunHeader& header, const Survey& known) {
    const Sizes sizes = sizes_of(header);
    const auto cycles = static_cast<std::uint64_t>(extent.cycles);
    RowWriter<CycleRow> cycle_writer(file, cycle_columns(), cycles, sizes);
    RowWriter<EpochRow> epoch_writer(file, epoch_columns(), known.epochs, sizes);
    RowWriter<RoundRow> round_writer(file, round_columns(), known.rounds, sizes);
    RowWriter<LineRow> line_writer(file, line_columns(), known.line.size(), sizes);
    std::deque<RowWriter<CycleRow>> optional_writers; // a writer can't be moved
    for (const Columns<CycleRow>& columns : known.optional) optional_writers.emplace_back(file, columns, cycles, sizes);
    for (const fs::path& path : extent.segments) {
        const Segment segment = read_segment(path);
        std::vector<LineRow> rows;
        if (!known.line.empty())
            for (const CycleRow& row : segment.cycles)
                rows.push_back(line_row(row, known.line[static_cast<std::size_t>(row.cycle)], header.draws));
        cycle_writer.write(segment.cycles);
        epoch_writer.write(segment.epochs);
        round_writer.write(segment.rounds);
        line_writer.write(rows);
        for (RowWriter<CycleRow>& writer : optional_writers) writer.write(segment.cycles);
    }
}

// What a run.h5 would replace must not be better than it. Returns what became of it, where that isn't this run's.
std::string keep_longer_file(const fs::path& run, const RunHeader& header, std::int64_t cycles) {
    const fs::path path = run / "run.h5";
    if (!fs::exists(path)) return {};
    const auto there = open_run_file(run, header);
    if (!there)
        return text("the run.h5 that was here isn't a whole record of this run (damaged, changed or another's): it is ",
                    set_aside(path, superseded_record(run)).string(), " now");
    VALIDATE(static_cast<std::int64_t>(there->cycles()) <= cycles, ExitCode::checkpoint, path.string(), " holds ",
             counted(there->cycles(), "cycle"), ", the segments ", cycles,
             " (some were removed?): it stays as it is; a run that goes on by --resume writes them anew from it");
    return {};
}

} // namespace

std::string write_run_file(const fs::path& run, const RunHeader& header, const Launch& launch,
                           const FinalDistribution& final) {
    const RecordExtent extent = find_segments(run);
    VALIDATE(extent.cycles > 0, ExitCode::checkpoint, "nothing to collect in ", run.string(),
             " (no segment was closed yet): let the run reach its first checkpoint");
    const Survey known = survey(extent, header);
    std::string remark = keep_longer_file(run, header, extent.cycles);
    Hdf5File file = Hdf5File::create(run / "run.h5");
    write_identity(file, "autosampling run", header, launch);
    copy_segments(file, extent, header, known);
    write_fields(file, example_fields(), header, sizes_of(header));
    write_fields(file, final_fields(), final);
    file.commit();
    return remark;
}

} // namespace autosampling
