#include "autosampling/base/error.hpp"
#include "autosampling/record/run_record.hpp"
#include "field_io.hpp"
#include "identity.hpp"

#include <optional>

namespace autosampling {

namespace {

// How far a history goes; 0 where there is none or it is damaged.
std::int64_t cycles_of_history(const std::filesystem::path& path) {
    if (!std::filesystem::exists(path)) return 0;
    try {
        const Hdf5File file = open_identified(path, "autosampling history");
        const auto cycles = file.read<std::int64_t>(history_columns().front().name);
        return cycles.empty() ? 0 : cycles.back();
    } catch (const Damaged&) {
        return 0;
    }
}

} // namespace

struct HistoryWriter::Output {
    Hdf5File file;
    Sizes sizes;
    std::uint64_t rows;
    std::uint64_t added = 0;
    std::int64_t last = 0;                               // cycles_done of the row added last
    std::optional<RowWriter<HistoryRow>> always, credit; // made with the first row
};

HistoryWriter::HistoryWriter(const std::filesystem::path& path, const RunHeader& header, const Launch& launch,
                             std::uint64_t rows)
    : output_(new Output{
          .file = Hdf5File::create(path), .sizes = sizes_of(header), .rows = rows, .always = {}, .credit = {}}) {
    write_identity(output_->file, "autosampling history", header, launch);
}

HistoryWriter::~HistoryWriter() = default;

void HistoryWriter::add(const HistoryRow& row) {
    Output& out = *output_;
    if (out.added++ == 0) {
        out.always.emplace(out.file, history_columns(), out.rows, out.sizes);
        if (has_values(row, credit_history_columns().front()))
            out.credit.emplace(out.file, credit_history_columns(), out.rows, out.sizes);
    }
    out.last = row.cycles_done;
    out.always->write({&row, 1});
    if (out.credit) out.credit->write({&row, 1});
}

void HistoryWriter::commit() {
    Output& out = *output_;
    EXPECT(out.added == out.rows);
    const std::int64_t there = cycles_of_history(out.file.path());
    VALIDATE(there <= out.last, ExitCode::checkpoint, out.file.path().string(), " goes as far as cycle ", there,
             ", the record as cycle ", out.last, " (were segments removed?): it stays as it is");
    out.always.reset();
    out.credit.reset();
    out.file.commit();
}

} // namespace autosampling
