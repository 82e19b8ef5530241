#include "segment.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/record/run_record.hpp"
#include "contents.hpp"
#include "field_io.hpp"
#include "identity.hpp"

#include <algorithm>
#include <cstdio>
#include <iomanip>
#include <optional>
#include <sstream>
#include <utility>

namespace autosampling {
namespace {

namespace fs = std::filesystem;

// Nothing for other files.
std::optional<NamedSegment> parse_name(const fs::path& path) {
    NamedSegment found{.path = path};
    long long first = 0, last = 0;
    if (std::sscanf(path.filename().c_str(), "cycles-%lld-%lld.h5", &first, &last) != 2) return std::nullopt;
    found.first = first;
    found.last = last;
    if (segment_name("", first, last).filename() != path.filename()) return std::nullopt;
    return found;
}

// Whether it has the cycles from `first` on, one after the other.
bool counts_from(std::int64_t first, const SegmentFile& file) {
    for (const std::int64_t cycle : file.file().read<std::int64_t>("cycle"))
        if (cycle != first++) return false;
    return true;
}

void check_whole(const NamedSegment& segment, const RunHeader* header) {
    const SegmentFile file(segment.path);
    if (header) check_same_run(file, *header);
    if (std::cmp_not_equal(file.cycles(), segment.last - segment.first + 1) || !counts_from(segment.first, file))
        throw Damaged(segment.path.string() +
                      " does not hold the cycles that its name says: it was renamed or is damaged");
}

// The longest whole segment that begins at `cycle`; else null, and what was wrong with those that do.
const NamedSegment* whole_at(std::int64_t cycle, const std::vector<NamedSegment>& segments, const RunHeader* header,
                             std::string& problem) {
    for (const NamedSegment& segment : segments) {
        if (segment.first != cycle) continue;
        try {
            check_whole(segment, header);
            return &segment;
        } catch (const Damaged& error) {
            if (problem.empty()) problem = error.what();
        }
    }
    return nullptr;
}

// What is wrong where no whole segment begins at `cycle` although one goes further; else empty.
std::string describe_end(std::int64_t cycle, const std::vector<NamedSegment>& segments) {
    for (const NamedSegment& segment : segments)
        if (segment.first != cycle && segment.last >= cycle)
            return text("the record has ", segment.first > cycle ? "a gap" : "an overlap", " at cycle ",
                        std::min(segment.first, cycle), " (", segment.path.string(), " begins at ", segment.first,
                        ", not at ", cycle, "): put the missing segment back");
    return "";
}

} // namespace

fs::path segment_name(const fs::path& run, std::int64_t first, std::int64_t last) {
    std::ostringstream name;
    name << "cycles-" << std::setfill('0') << std::setw(8) << first << '-' << std::setw(8) << last << ".h5";
    return run / "record" / name.str();
}

std::vector<NamedSegment> list_segments(const fs::path& run) {
    std::vector<NamedSegment> found;
    std::error_code error;
    const fs::directory_iterator entries(run / "record", error); // asked at once: it may be taken away at any time
    if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) return found;
    if (error) throw fs::filesystem_error("", run / "record", error);
    for (const fs::directory_entry& entry : entries)
        if (auto segment = parse_name(entry.path())) found.push_back(std::move(*segment));
    std::sort(found.begin(), found.end(), [](const NamedSegment& a, const NamedSegment& b) {
        return std::pair(a.first, -a.last) < std::pair(b.first, -b.last);
    });
    return found;
}

Chain find_chain(const fs::path& run, const RunHeader* header, std::int64_t supplied) {
    const std::vector<NamedSegment> segments = list_segments(run);
    Chain chain;
    for (;;) {
        const std::int64_t cycle = chain.cycles;
        std::string problem;
        if (const NamedSegment* next = whole_at(cycle, segments, header, problem)) {
            chain.parts.push_back(*next);
            chain.cycles = next->last + 1;
            continue;
        }
        if (problem.empty()) problem = describe_end(cycle, segments);
        std::int64_t until = supplied; // where the next segment begins
        for (const NamedSegment& segment : segments)
            if (segment.first > cycle) until = std::min(until, segment.first);
        if (until <= cycle) {
            chain.end = problem;
            return chain;
        }
        chain.parts.push_back({cycle, until - 1, {}});
        chain.cycles = until;
        chain.problems.push_back(problem.empty() ? text("the cycles from ", cycle, " on are in no segment") : problem);
    }
}

void check_same_run(const SegmentFile& file, const RunHeader& header) {
    for (const auto& field : header_attributes()) {
        // A run may be lengthened, and its data packed again: what is read of them has a hash.
        if (field.name == "cycles_planned" || field.name == "skipped_images") continue;
        std::visit(
            [&](auto member) {
                if (file.header().*member != header.*member)
                    throw Damaged(text(file.file().path().string(), " belongs to another run (", field.name, " is ",
                                       file.header().*member, ", not ", header.*member,
                                       "; one of the two was copied here)"));
            },
            field.member);
    }
    const Sizes own = sizes_of(file.header()); // of lists, too
    for (const auto& [dimension, length] : sizes_of(header))
        if (own.at(dimension) != length)
            throw Damaged(text(file.file().path().string(), " belongs to another run (it has length ",
                               own.at(dimension), " along ", dimension, ", not ", length,
                               "; one of the two was copied here)"));
}

std::optional<SegmentFile> open_run_file(const fs::path& run, const RunHeader& header) {
    if (!fs::exists(run / "run.h5")) return std::nullopt;
    try {
        SegmentFile file(run / "run.h5", "autosampling run");
        check_same_run(file, header);
        if (!counts_from(0, file)) return std::nullopt;
        return file;
    } catch (const Damaged&) {
        return std::nullopt;
    }
}

SegmentFile::SegmentFile(const fs::path& path, const std::string& filetype)
    : file_(open_identified(path, filetype)), header_(read_header_without_examples(file_)) {}

Segment SegmentFile::read() const {
    return read(0, cycles());
}

Segment SegmentFile::read(std::uint64_t first, std::uint64_t cycles) const {
    const Sizes sizes = sizes_of(header_);
    Segment segment{std::vector<CycleRow>(cycles), read_rows(file_, epoch_columns(), sizes),
                    read_rows(file_, round_columns(), sizes)};
    read_columns(file_, cycle_columns(), sizes, segment.cycles, first);
    for (const Columns<CycleRow>& columns : optional_cycle_columns())
        if (has(columns)) read_columns(file_, columns, sizes, segment.cycles, first);
    for (const CycleRow& row : segment.cycles)
        if (row.winner < -1 || row.winner >= header_.members)
            throw Damaged(text(file_.path().string(), " is damaged (the winner of cycle ", row.cycle, " is member ",
                               row.winner, " of ", header_.members, ")"));
    const auto is_elsewhere = [&](std::int64_t cycle) {
        return cycles == 0 || cycle < segment.cycles.front().cycle || cycle > segment.cycles.back().cycle;
    };
    std::erase_if(segment.epochs, [&](const EpochRow& epoch) { return is_elsewhere(epoch.epoch_cycle); });
    std::erase_if(segment.rounds, [&](const RoundRow& round) { // recorded after the cycle before its first one
        return is_elsewhere(std::max<std::int64_t>(round.round_cycle - 1, 0));
    });
    return segment;
}

std::uint64_t SegmentFile::cycles() const {
    return file_.steps("cycle");
}

bool SegmentFile::has(const Columns<CycleRow>& optional) const {
    return file_.has(optional.front().name);
}

std::uint64_t SegmentFile::epochs() const {
    return file_.has("epoch") ? file_.steps("epoch") : 0;
}

std::uint64_t SegmentFile::rounds() const {
    return file_.has("round") ? file_.steps("round") : 0;
}

void write_segment(const fs::path& run, const RunHeader& header, const Launch& launch, const Segment& segment) {
    EXPECT(!segment.cycles.empty());
    if (segment.cycles.front().cycle == 0 && fs::create_directory(run / "record")) sync_folder(run);
    publish_segment(run, header, launch, segment);
}

void publish_segment(const fs::path& run, const RunHeader& header, const Launch& launch, const Segment& segment) {
    const std::int64_t first = segment.cycles.front().cycle;
    const std::int64_t last = segment.cycles.back().cycle;
    EXPECT(last - first + 1 == std::ssize(segment.cycles));
    Hdf5File file = Hdf5File::create(segment_name(run, first, last));
    fill_segment(file, header, launch, segment);
    file.commit();
}

void fill_segment(Hdf5File& file, const RunHeader& header, const Launch& launch, const Segment& segment) {
    const bool empty = segment.cycles.empty();
    write_identity(file, "autosampling segment", header, launch);
    if (empty || segment.cycles.front().cycle == 0) write_fields(file, example_fields(), header, sizes_of(header));
    write_rows(file, cycle_columns(), segment.cycles, sizes_of(header));
    for (const Columns<CycleRow>& columns : optional_cycle_columns())
        if (!empty && has_values(segment.cycles.front(), columns.front()))
            write_rows(file, columns, segment.cycles, sizes_of(header));
    write_rows(file, epoch_columns(), segment.epochs, sizes_of(header));
    write_rows(file, round_columns(), segment.rounds, sizes_of(header));
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
    const Chain chain = find_chain(run, nullptr, 0);
    VALIDATE(chain.end.empty(), ExitCode::checkpoint, chain.end);
    RecordExtent extent{chain.cycles, {}};
    for (const NamedSegment& part : chain.parts) extent.segments.push_back(part.path);
    return extent;
}

void require_recorded(const fs::path& run, std::int64_t cycles) {
    const std::vector<NamedSegment> segments = list_segments(run);
    VALIDATE(
        std::ranges::any_of(segments, [=](const NamedSegment& segment) { return segment.last + 1 == cycles; }),
        ExitCode::checkpoint, "no segment in ", (run / "record").string(), " ends with cycle ", cycles - 1,
        " (while the job ran it was moved or removed): put it back, and go on from the last checkpoint with --resume");
}

RecordedRun open_recorded_run(const std::filesystem::path& run) {
    RecordedRun found{find_segments(run), {}, {}};
    const auto& segments = found.extent.segments;
    VALIDATE(!segments.empty(), ExitCode::checkpoint, "no closed segment in ", (run / "record").string(),
             fs::exists(run / "run.h5")
                 ? ": run.h5 stays as it is, and a run that goes on by --resume writes the segments anew from it"
                 : " (the run ended before its first checkpoint, or this is no run directory)");
    found.header = read_header(segments.front()); // it alone has the examples
    const SegmentFile last(segments.back());
    const RunHeader latest = read_header(last.file());
    found.header.cycles_planned = latest.cycles_planned; // a resume may have changed the length
    found.header.configuration = latest.configuration;
    for (const fs::path& path : segments) { // the first of the last job says its ranks
        const SegmentFile segment(path);
        if (segment.file().attribute<std::int64_t>("link") != last.file().attribute<std::int64_t>("link")) continue;
        found.launch = read_launch(segment.file());
        break;
    }
    return found;
}

} // namespace autosampling
