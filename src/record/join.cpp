#include "autosampling/record/join.hpp"

#include "autosampling/base/files.hpp"
#include "identity.hpp"
#include "segment.hpp"

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

void join(const fs::path& run, const std::vector<NamedSegment>& parts) {
    const SegmentFile front(parts.front().path);
    Segment joined;
    for (const NamedSegment& part : parts) {
        const SegmentFile file(part.path);
        check_same_run(file, front.header());
        Segment segment = file.read();
        std::move(segment.cycles.begin(), segment.cycles.end(), std::back_inserter(joined.cycles));
        std::move(segment.epochs.begin(), segment.epochs.end(), std::back_inserter(joined.epochs));
        std::move(segment.rounds.begin(), segment.rounds.end(), std::back_inserter(joined.rounds));
    }
    RunHeader header = read_header(front.file());
    header.configuration = read_header(SegmentFile(parts.back().path).file()).configuration;
    write_segment(run, header, read_launch(front.file()), joined);
    for (const NamedSegment& part : parts) fs::remove(part.path);
    sync_folder(run / "record");
}

// What stays apart is good as it is, and nothing that a run should end for.
void try_to_join(const fs::path& run, const std::vector<NamedSegment>& parts) {
    try {
        join(run, parts);
    } catch (const std::exception&) {
    }
}

} // namespace

void join_segments(const fs::path& run, std::int64_t first, std::int64_t end) {
    for (const std::uintmax_t bytes : small_segments) {
        std::vector<NamedSegment> segments = list_segments(run);
        std::erase_if(segments, [&](const NamedSegment& s) { return s.first < first || s.last >= end; });
        const std::vector<NamedSegment> row = last_small_ones(segments, bytes);
        if (row.size() >= least_joined) try_to_join(run, row);
    }
}

RecordExtent join_ended_jobs(const fs::path& run) {
    std::vector<NamedSegment> row; // of one job
    std::int64_t link = -1;
    for (const NamedSegment& segment : list_segments(run)) {
        const auto of = SegmentFile(segment.path).file().attribute<std::int64_t>("link");
        const bool fits = fs::file_size(segment.path) <= small_segments.back() && row.size() < 2 * least_joined;
        if (of != link || !fits) {
            if (row.size() > 1) try_to_join(run, row);
            row.clear();
        }
        link = of;
        if (fs::file_size(segment.path) <= small_segments.back()) row.push_back(segment);
    }
    if (row.size() > 1) try_to_join(run, row);
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
