#include "autosampling/record/join.hpp"

#include "autosampling/base/files.hpp"
#include "identity.hpp"
#include "segment.hpp"

#include <algorithm>

namespace autosampling {
namespace {

namespace fs = std::filesystem;

// Without a segment that is too large, or a gap, in between: the last of `segments`.
std::vector<NamedSegment> last_small_ones(const std::vector<NamedSegment>& segments, std::uintmax_t bytes) {
    auto first = segments.end();
    while (first != segments.begin() && fs::file_size(std::prev(first)->path) <= bytes &&
           (first == segments.end() || std::prev(first)->last + 1 == first->first))
        --first;
    return {first, segments.end()};
}

std::int64_t link_of(const SegmentFile& file) {
    return file.file().attribute<std::int64_t>("link");
}

// The last job of the parts: its first segment says its ranks.
Launch last_launch(const std::vector<NamedSegment>& parts) {
    const std::int64_t last = link_of(SegmentFile(parts.back().path));
    const auto first =
        std::ranges::find_if(parts, [&](const auto& part) { return link_of(SegmentFile(part.path)) == last; });
    return read_launch(first->path);
}

void join(const fs::path& run, const std::vector<NamedSegment>& parts) {
    const SegmentFile front(parts.front().path);
    Segment joined;
    for (const NamedSegment& part : parts) {
        const SegmentFile file(part.path);
        check_same_run(file, front.header());
        for (const Columns<CycleRow>& columns : optional_cycle_columns())
            if (file.has(columns) != front.has(columns)) return; // a resume may record more or less
        Segment segment = file.read();
        std::move(segment.cycles.begin(), segment.cycles.end(), std::back_inserter(joined.cycles));
        std::move(segment.epochs.begin(), segment.epochs.end(), std::back_inserter(joined.epochs));
        std::move(segment.rounds.begin(), segment.rounds.end(), std::back_inserter(joined.rounds));
    }
    RunHeader header = read_header(front.file());
    header.configuration = read_header(SegmentFile(parts.back().path).file()).configuration;
    publish_segment(run, header, last_launch(parts), joined);
    for (const NamedSegment& part : parts) fs::remove(part.path);
    sync_folder(run / "record");
}

// What stays apart is good as it is, and nothing that a run should end for; nor is it that the record is taken away
// just then: who writes the next segment says it.
template<class Joining>
void try_to(const Joining& joining) {
    try {
        joining();
    } catch (const std::exception&) {
    }
}

// Rows of at least so many small segments that stand side by side; those of one job, or of any.
void join_rows(const fs::path& run, std::size_t least, bool of_one_job) {
    std::vector<NamedSegment> row;
    std::int64_t link = -1;
    const auto end_row = [&] {
        if (row.size() >= least) try_to([&] { join(run, row); });
        row.clear();
    };
    for (const NamedSegment& segment : list_segments(run)) {
        const bool small = fs::file_size(segment.path) <= small_segments.back();
        const std::int64_t of = of_one_job && small ? link_of(SegmentFile(segment.path)) : 0;
        if (of != link || !small || row.size() == 2 * least_joined) end_row();
        link = of;
        if (small) row.push_back(segment);
    }
    end_row();
}

} // namespace

void join_segments(const fs::path& run, std::int64_t first, std::int64_t end, std::size_t least) {
    for (const std::uintmax_t bytes : small_segments)
        try_to([&] {
            std::vector<NamedSegment> segments = list_segments(run);
            std::erase_if(segments, [&](const NamedSegment& s) { return s.first < first || s.last >= end; });
            const std::vector<NamedSegment> row = last_small_ones(segments, bytes);
            if (row.size() >= least) join(run, row);
        });
}

RecordExtent join_ended_jobs(const fs::path& run) {
    join_rows(run, 2, true);
    join_rows(run, least_joined, false);
    return find_segments(run);
}

Launch without_ranks(Launch launch) {
    launch.host.clear();
    launch.device.clear();
    launch.cpu.clear();
    launch.command.clear();
    launch.environment.clear();
    return launch;
}

} // namespace autosampling
