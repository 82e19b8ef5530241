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
        return file.read<std::int64_t>(history_columns().front().name).back();
    } catch (const Damaged&) {
        return 0;
    }
}

} // namespace

struct HistoryWriter::Parts {
    Hdf5File file;
    Sizes sizes;
    std::uint64_t rows;
    std::uint64_t added = 0;
    std::int64_t last = 0;                               // cycles_done of the row added last
    std::optional<RowWriter<HistoryRow>> always, credit; // made with the first row
};

HistoryWriter::HistoryWriter(const std::filesystem::path& path, const RunHeader& header, const Launch& launch,
                             std::uint64_t rows)
    : parts_(new Parts{Hdf5File::create(path), sizes_of(header), rows, 0, 0, {}, {}}) {
    write_identity(parts_->file, "autosampling history", header, launch);
}

HistoryWriter::~HistoryWriter() = default;

void HistoryWriter::add(const HistoryRow& row) {
    Parts& p = *parts_;
    if (p.added++ == 0) {
        p.always.emplace(p.file, history_columns(), p.rows, p.sizes);
        if (has_values(row, credit_history_columns().front()))
            p.credit.emplace(p.file, credit_history_columns(), p.rows, p.sizes);
    }
    p.last = row.cycles_done;
    p.always->write({&row, 1});
    if (p.credit) p.credit->write({&row, 1});
}

void HistoryWriter::commit() {
    Parts& p = *parts_;
    EXPECT(p.added == p.rows);
    const std::int64_t there = cycles_of_history(p.file.path());
    VALIDATE(there <= p.last, ExitCode::checkpoint, p.file.path().string(), " goes as far as cycle ", there,
             ", the record as cycle ", p.last, " (were segments removed?): it stays as it is");
    p.always.reset();
    p.credit.reset();
    p.file.commit();
}

} // namespace autosampling
