// The one list of what the record holds: for every member of its structs, the dataset or attribute that it becomes.
// Writing, reading and copying into run.h5 go by these tables, so that a dataset is added in one place.
#pragma once

#include "autosampling/record/checkpoint.hpp"
#include "autosampling/record/hdf5.hpp"
#include "autosampling/record/run_record.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace autosampling {

// A dataset over all rows: its first dimension counts them; a row holds one element, or the rest of the dimensions.
template<class Row>
struct RowField {
    std::string name;
    std::variant<std::uint8_t Row::*, std::int32_t Row::*, std::int64_t Row::*, std::uint64_t Row::*, double Row::*,
                 std::optional<std::int32_t> Row::*, std::optional<double> Row::*, std::vector<std::uint8_t> Row::*,
                 std::vector<std::int32_t> Row::*, std::vector<std::int64_t> Row::*, std::vector<float> Row::*,
                 std::vector<double> Row::*>
        member;
    Hdf5Meaning meaning;
};
template<class Row>
using Columns = std::vector<RowField<Row>>; // the first one holds the coordinates, unless another table does

// A dataset from one struct. Without elements it is left out.
template<class Owner>
struct Field {
    std::string name;
    std::variant<std::string Owner::*, std::vector<std::string> Owner::*, std::vector<std::uint8_t> Owner::*,
                 std::vector<std::int32_t> Owner::*, std::vector<std::uint32_t> Owner::*,
                 std::vector<std::int64_t> Owner::*, std::vector<std::uint64_t> Owner::*, std::vector<double> Owner::*>
        member;
    Hdf5Meaning meaning;
};
template<class Owner>
using Fields = std::vector<Field<Owner>>;

// A root attribute; whole numbers are stored with 64 bits.
template<class Owner>
struct AttributeField {
    std::string name;
    std::variant<std::int32_t Owner::*, std::int64_t Owner::*, std::uint64_t Owner::*, std::string Owner::*> member;
};
template<class Owner>
using AttributeFields = std::vector<AttributeField<Owner>>;

// The final best member's ancestor in one cycle, and what it trained on.
struct LineRow {
    std::int32_t line = 0;
    std::vector<std::int32_t> schedule; // (K)
};

// The tensors of a state, column by column.
struct LayoutColumns {
    std::vector<std::string> name;
    std::vector<std::int64_t> offset;
    std::vector<std::int64_t> shape; // (tensors, 4), zeros after the last dimension
    std::vector<std::uint8_t> channels_last;
};
constexpr std::size_t layout_axes = 4;

const Columns<CycleRow>& cycle_columns();
// What not every run has: of a run that has winners, of one that averages its members, of one whose members'
// hyper-parameters vary, of one whose rule weighs its draws, and of one that records losses. A run has all columns of a
// table or none, in all its cycles.
const std::vector<Columns<CycleRow>>& optional_cycle_columns();
const Columns<EpochRow>& epoch_columns();
const Columns<RoundRow>& round_columns();
const Columns<LineRow>& line_columns();
const Columns<HistoryRow>& history_columns();
const Columns<HistoryRow>& credit_history_columns(); // with advantage credit

const AttributeFields<RunHeader>& header_attributes();
const Fields<RunHeader>& header_fields();  // in every file of a run
const Fields<RunHeader>& example_fields(); // of N elements: in run.h5 and the first segment
const AttributeFields<Launch>& launch_attributes();
const Fields<Launch>& launch_fields();
const Fields<Processors>& processor_fields();
const Fields<FinalDistribution>& final_fields();
const AttributeFields<CheckpointIndex>& checkpoint_attributes();
const Fields<CheckpointIndex>& checkpoint_fields();
const Fields<LayoutColumns>& layout_fields();

// The lengths of dimensions, by name.
using Sizes = std::map<std::string, std::uint64_t>;
// Of those that a header's numbers say.
Sizes numbers_of(const RunHeader& header);
// Of all that a row spans.
Sizes sizes_of(const RunHeader& header);

} // namespace autosampling
