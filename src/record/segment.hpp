// Closed parts of the record, open for reading; and which of them, one after the other, are the record.
#pragma once

#include "autosampling/record/hdf5.hpp"
#include "autosampling/record/run_record.hpp"
#include "fields.hpp"

#include <optional>

namespace autosampling {

class SegmentFile {
  public:
    // A segment, or by its filetype run.h5, which has the same columns. Throws Error(checkpoint).
    explicit SegmentFile(const std::filesystem::path& path, const std::string& filetype = "autosampling segment");

    const Hdf5File& file() const { return file_; }
    const RunHeader& header() const { return header_; } // without the examples
    std::uint64_t cycles() const;
    std::uint64_t epochs() const;
    std::uint64_t rounds() const;
    bool has(const Columns<CycleRow>& optional) const; // a table of optional_cycle_columns
    Segment read() const;
    // So many cycles from the `first` of the file on, with the epochs and rounds that were recorded with them.
    Segment read(std::uint64_t first, std::uint64_t cycles) const;

  private:
    Hdf5File file_;
    RunHeader header_;
};

// Throws Damaged where the file belongs to another run.
void check_same_run(const SegmentFile& file, const RunHeader& header);

// run.h5 of this run; nothing where there is none, or one that is damaged or another's. Throws Error(checkpoint) where
// it can't be read or is of another version.
std::optional<SegmentFile> open_run_file(const std::filesystem::path& run, const RunHeader& header);

// What a segment's name says.
struct NamedSegment {
    std::int64_t first = 0, last = 0;
    std::filesystem::path path;
};

// By first cycle; of those with the same one the longest first.
std::vector<NamedSegment> list_segments(const std::filesystem::path& run);

// What write_segment does, without making the folder record/.
void publish_segment(const std::filesystem::path& run, const RunHeader& header, const Launch& launch,
                     const Segment& segment);

// Where what isn't gone on from is put.
inline std::filesystem::path superseded_record(const std::filesystem::path& run) {
    return run / "record" / "superseded";
}

// The whole cycles of a run, from 0 without a gap. A segment that was joined stands for its parts, should they still be
// there. Where one is missing or damaged, run.h5 supplies its cycles as far as it goes.
struct Chain {
    std::vector<NamedSegment> parts; // without a path: the cycles that run.h5 supplies
    std::int64_t cycles = 0;
    std::vector<std::string> problems; // of segments that run.h5 stands in for
    std::string end;                   // why it ends there although a segment lies beyond; else empty
};

// `header`: that of the run, if known. `supplied`: the cycles that run.h5 has. Throws Error(checkpoint) where a segment
// can't be read or is of another version.
Chain find_chain(const std::filesystem::path& run, const RunHeader* header, std::int64_t supplied);

} // namespace autosampling
