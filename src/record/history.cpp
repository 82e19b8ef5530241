#include "autosampling/base/error.hpp"
#include "autosampling/record/run_record.hpp"
#include "field_io.hpp"
#include "identity.hpp"

#include <optional>

namespace autosampling {

struct HistoryWriter::Parts {
    Hdf5File file;
    Sizes sizes;
    std::uint64_t rows;
    std::uint64_t added = 0;
    std::optional<RowWriter<HistoryRow>> always, credit; // made with the first row
};

HistoryWriter::HistoryWriter(const std::filesystem::path& path, const RunHeader& header, const Launch& launch,
                             std::uint64_t rows)
    : parts_(new Parts{Hdf5File::create(path), sizes_of(header), rows, 0, {}, {}}) {
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
    p.always->write({&row, 1});
    if (p.credit) p.credit->write({&row, 1});
}

void HistoryWriter::commit() {
    Parts& p = *parts_;
    EXPECT(p.added == p.rows);
    p.always.reset();
    p.credit.reset();
    p.file.commit();
}

} // namespace autosampling
