#include "segment.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/record/run_record.hpp"
#include "field_io.hpp"
#include "identity.hpp"

#include <algorithm>
#include <cstdio>
#include <iomanip>
#include <optional>
#include <sstream>

namespace autosampling {
namespace {

namespace fs = std::filesystem;

struct NamedSegment {
    std::int64_t first = 0, last = 0;
    fs::path path;
};

// What a segment's name says; nothing for other files.
std::optional<NamedSegment> parse_name(const fs::path& path) {
    NamedSegment found{.path = path};
    long long first = 0, last = 0;
    if (std::sscanf(path.filename().c_str(), "cycles-%lld-%lld.h5", &first, &last) != 2) return std::nullopt;
    found.first = first;
    found.last = last;
    if (segment_name("", first, last).filename() != path.filename()) return std::nullopt;
    return found;
}

std::vector<NamedSegment> list_segments(const fs::path& run) {
    std::vector<NamedSegment> found;
    if (!fs::exists(run / "record")) return found;
    for (const fs::directory_entry& entry : fs::directory_iterator(run / "record"))
        if (auto segment = parse_name(entry.path())) found.push_back(std::move(*segment));
    std::sort(found.begin(), found.end(), [](const NamedSegment& a, const NamedSegment& b) {
        return std::pair(a.first, a.last) < std::pair(b.first, b.last);
    });
    return found;
}

// What a job that was killed had begun to write.
void remove_unfinished(const fs::path& record) {
    if (!fs::exists(record)) return;
    for (const fs::directory_entry& entry : fs::directory_iterator(record))
        if (entry.path().extension() == ".tmp") fs::remove(entry.path());
}

void check_cycles(const NamedSegment& segment) {
    const std::vector<std::int64_t> cycles = SegmentFile(segment.path).file().read<std::int64_t>("cycle");
    bool right = std::ssize(cycles) == segment.last - segment.first + 1;
    for (std::size_t i = 0; right && i < cycles.size(); ++i)
        right = cycles[i] == segment.first + static_cast<std::int64_t>(i);
    VALIDATE(right, ExitCode::checkpoint, segment.path.string(),
             " does not hold the cycles that its name says: it was renamed or is damaged");
}

} // namespace

fs::path segment_name(const fs::path& run, std::int64_t first, std::int64_t last) {
    std::ostringstream name;
    name << "cycles-" << std::setfill('0') << std::setw(8) << first << '-' << std::setw(8) << last << ".h5";
    return run / "record" / name.str();
}

SegmentFile::SegmentFile(const fs::path& path) : file_(open_identified(path, "autosampling segment")) {
    read_attributes(file_, header_attributes(), header_);
    read_fields(file_, header_fields(), header_);
}

Segment SegmentFile::read() const {
    const Sizes sizes = sizes_of(header_);
    Segment segment{read_rows(file_, cycle_columns(), sizes), read_rows(file_, epoch_columns(), sizes),
                    read_rows(file_, round_columns(), sizes)};
    for (const Columns<CycleRow>& columns : optional_cycle_columns())
        if (has(columns)) read_columns(file_, columns, sizes, segment.cycles);
    return segment;
}

bool SegmentFile::has(const Columns<CycleRow>& optional) const {
    return file_.has(optional.front().name);
}

std::uint64_t SegmentFile::epochs() const {
    return file_.has("epoch") ? file_.shape("epoch").at(0) : 0;
}

std::uint64_t SegmentFile::rounds() const {
    return file_.has("round") ? file_.shape("round").at(0) : 0;
}

void write_segment(const fs::path& run, const RunHeader& header, const Launch& launch, const Segment& segment) {
    EXPECT(!segment.cycles.empty());
    const std::int64_t first = segment.cycles.front().cycle;
    const std::int64_t last = segment.cycles.back().cycle;
    EXPECT(last - first + 1 == std::ssize(segment.cycles));
    if (fs::create_directory(run / "record")) sync_folder(run);
    Hdf5File file = Hdf5File::create(segment_name(run, first, last));
    write_identity(file, "autosampling segment", header, launch);
    if (first == 0) write_fields(file, example_fields(), header);
    write_rows(file, cycle_columns(), segment.cycles, sizes_of(header));
    for (const Columns<CycleRow>& columns : optional_cycle_columns())
        if (has_values(segment.cycles.front(), columns.front()))
            write_rows(file, columns, segment.cycles, sizes_of(header));
    write_rows(file, epoch_columns(), segment.epochs, sizes_of(header));
    write_rows(file, round_columns(), segment.rounds, sizes_of(header));
    file.commit();
}

Segment read_segment(const fs::path& file) {
    return SegmentFile(file).read();
}

RunHeader read_header(const fs::path& file) {
    return read_header(SegmentFile(file).file());
}

Launch read_launch(const fs::path& file) {
    return read_launch(SegmentFile(file).file());
}

RecordExtent find_segments(const fs::path& run) {
    RecordExtent extent;
    for (const NamedSegment& segment : list_segments(run)) {
        VALIDATE(segment.first == extent.cycles, ExitCode::checkpoint, "the record has ",
                 segment.first > extent.cycles ? "a gap" : "an overlap", " at cycle ",
                 std::min(segment.first, extent.cycles), " (", segment.path.string(), " begins at ", segment.first,
                 ", not at ", extent.cycles, "): put the missing segment back, or start again with --overwrite");
        check_cycles(segment);
        extent.cycles = segment.last + 1;
        extent.segments.push_back(segment.path);
    }
    return extent;
}

RecordedRun open_recorded_run(const std::filesystem::path& run) {
    RecordedRun found{find_segments(run), {}, {}};
    const auto& segments = found.extent.segments;
    VALIDATE(!segments.empty(), ExitCode::checkpoint, "no closed segment in ", (run / "record").string(),
             " (the run ended before its first checkpoint, or this is no run directory)");
    found.header = read_header(segments.front()); // it alone has the examples
    const SegmentFile last(segments.back());
    const RunHeader latest = read_header(last.file());
    found.header.cycles_planned = latest.cycles_planned; // a resume may have changed the length
    found.header.configuration = latest.configuration;
    found.launch = read_launch(last.file());
    return found;
}

RecordExtent set_aside_segments(const fs::path& run, std::int64_t cycle) {
    const fs::path record = run / "record";
    const fs::path superseded = record / "superseded";
    bool moved = false;
    remove_unfinished(record);
    for (const NamedSegment& segment : list_segments(run)) {
        if (segment.first < cycle) continue;
        fs::create_directories(superseded);
        fs::rename(segment.path, superseded / segment.path.filename());
        moved = true;
    }
    if (moved) {
        sync_folder(superseded);
        sync_folder(record);
    }
    const RecordExtent extent = find_segments(run);
    VALIDATE(extent.cycles == cycle, ExitCode::checkpoint, "the segments in ", record.string(), " end before cycle ",
             extent.cycles, ", not before cycle ", cycle,
             " as the checkpoint does (were files removed?): put them back, or start again with --overwrite");
    return extent;
}

} // namespace autosampling
