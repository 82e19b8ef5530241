// One closed segment, open for reading.
#pragma once

#include "autosampling/record/hdf5.hpp"
#include "autosampling/record/run_record.hpp"
#include "fields.hpp"

namespace autosampling {

class SegmentFile {
  public:
    // Throws Error(checkpoint).
    explicit SegmentFile(const std::filesystem::path& path);

    const Hdf5File& file() const { return file_; }
    const RunHeader& header() const { return header_; } // without the examples
    std::uint64_t epochs() const;
    std::uint64_t rounds() const;
    bool has(const Columns<CycleRow>& optional) const; // a table of optional_cycle_columns
    Segment read() const;

  private:
    Hdf5File file_;
    RunHeader header_;
};

} // namespace autosampling
