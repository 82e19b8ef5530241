// Structs to and from HDF5 by their tables of fields.
#pragma once

#include "autosampling/base/counted.hpp"
#include "fields.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace autosampling {

// The elements of a member, be it one, perhaps one, or a vector of them.
template<class T>
std::span<const T> elements(const T& value) {
    return {&value, 1};
}
template<class T>
std::span<const T> elements(const std::vector<T>& values) {
    return values;
}
template<class T>
std::span<const T> elements(const std::optional<T>& value) {
    return {value ? &*value : nullptr, value ? 1U : 0U};
}
template<class Owner, class Member>
using ElementOf = std::remove_const_t<typename decltype(elements(std::declval<const Owner&>().*
                                                                 std::declval<Member>()))::element_type>;

// Whether a row has something in a column.
template<class Row>
bool has_values(const Row& row, const RowField<Row>& column) {
    return std::visit([&](auto member) { return !elements(row.*member).empty(); }, column.member);
}

// The product of all dimensions but the first.
inline std::uint64_t step_size(const Hdf5Meaning& meaning, const Sizes& sizes) {
    std::uint64_t size = 1;
    for (std::size_t axis = 1; axis < meaning.dimensions.size(); ++axis) size *= sizes.at(meaning.dimensions[axis]);
    return size;
}

inline std::vector<std::uint64_t> shape_of(const Hdf5Meaning& meaning, const Sizes& sizes, std::uint64_t steps) {
    std::vector<std::uint64_t> shape;
    for (const std::string& dimension : meaning.dimensions)
        shape.push_back(shape.empty() ? steps : sizes.at(dimension));
    return shape;
}

// Makes the datasets of a table for so many rows, then takes the rows in order, in parts. Without rows it makes none.
// It must be gone before the file is committed.
template<class Row>
class RowWriter {
  public:
    RowWriter(Hdf5File& file, const Columns<Row>& columns, std::uint64_t rows, const Sizes& sizes)
        : file_(file), columns_(columns), sizes_(sizes) {
        if (rows == 0) return;
        for (const RowField<Row>& column : columns_)
            std::visit(
                [&](auto member) {
                    using T = ElementOf<Row, decltype(member)>;
                    datasets_.push_back(
                        file_.create_dataset<T>(column.name, shape_of(column.meaning, sizes_, rows), column.meaning));
                },
                column.member);
    }

    void write(std::span<const Row> rows) {
        if (rows.empty()) return;
        for (std::size_t i = 0; i < columns_.size(); ++i)
            std::visit([&](auto member) { write_column(i, member, rows); }, columns_[i].member);
        written_ += rows.size();
    }

  private:
    template<class Member>
    void write_column(std::size_t i, Member member, std::span<const Row> rows) {
        using T = ElementOf<Row, Member>;
        const std::uint64_t step = step_size(columns_[i].meaning, sizes_);
        const std::uint64_t part = Hdf5File::chunk_steps(step * sizeof(T));
        std::vector<T> values; // about a chunk of them, which stays in the processor's cache until it is packed
        for (std::uint64_t first = 0; first < rows.size(); first += part) {
            values.clear();
            for (const Row& row : rows.subspan(first, std::min(part, rows.size() - first))) {
                const auto own = elements(row.*member);
                EXPECT(own.size() == step);
                values.insert(values.end(), own.begin(), own.end());
            }
            file_.write_steps(datasets_[i], written_ + first, std::span<const T>(values));
        }
    }

    Hdf5File& file_;
    const Columns<Row>& columns_;
    Sizes sizes_;
    std::vector<Hdf5Dataset> datasets_;
    std::uint64_t written_ = 0;
};

template<class Row>
void write_rows(Hdf5File& file, const Columns<Row>& columns, const std::vector<Row>& rows, const Sizes& sizes) {
    RowWriter<Row>(file, columns, rows.size(), sizes).write(rows);
}

// Throws Damaged unless a dataset has its dimensions, each of the length in `sizes`; one that isn't there gets its own.
inline void check_shape(const Hdf5File& file, const std::string& name, const Hdf5Meaning& meaning, Sizes& sizes) {
    const std::vector<std::uint64_t> shape = file.shape(name);
    if (shape.size() != meaning.dimensions.size())
        throw Damaged(text(name, " in ", file.path().string(), " has ", counted(shape.size(), "dimension"), ", not ",
                           meaning.dimensions.size(), ": it is damaged"));
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        const auto& [dimension, length] = *sizes.try_emplace(meaning.dimensions[axis], shape[axis]).first;
        if (shape[axis] != length)
            throw Damaged(text(name, " in ", file.path().string(), " has length ", shape[axis], " along ", dimension,
                               ", which has ", length, " in this file: it is damaged"));
    }
}

template<class Row, class T>
void assign_element(T Row::*member, Row& row, std::span<const T> part) {
    row.*member = part.front();
}
template<class Row, class T>
void assign_element(std::optional<T> Row::*member, Row& row, std::span<const T> part) {
    row.*member = part.front();
}
template<class Row, class T>
void assign_element(std::vector<T> Row::*member, Row& row, std::span<const T> part) {
    (row.*member).assign(part.begin(), part.end());
}

// Fills in the columns of a table, from step `first` of the file on.
template<class Row>
void read_columns(const Hdf5File& file, const Columns<Row>& columns, Sizes sizes, std::vector<Row>& rows,
                  std::uint64_t first = 0) {
    for (const RowField<Row>& column : columns)
        std::visit(
            [&](auto member) {
                using T = ElementOf<Row, decltype(member)>;
                check_shape(file, column.name, column.meaning, sizes);
                const std::vector<T> values = file.read_steps<T>(column.name, first, rows.size());
                const std::uint64_t step = step_size(column.meaning, sizes);
                for (std::size_t i = 0; i < rows.size(); ++i)
                    assign_element(member, rows[i], std::span<const T>(values).subspan(i * step, step));
            },
            column.member);
}

// All rows of a table; none where the file has no coordinates for it.
template<class Row>
std::vector<Row> read_rows(const Hdf5File& file, const Columns<Row>& columns, const Sizes& sizes) {
    std::vector<Row> rows;
    if (!file.has(columns.front().name)) return rows;
    rows.resize(file.steps(columns.front().name));
    read_columns(file, columns, sizes, rows);
    return rows;
}

template<class Owner>
void write_fields(Hdf5File& file, const Fields<Owner>& fields, const Owner& owner, const Sizes& sizes = {}) {
    for (const Field<Owner>& field : fields)
        std::visit(
            [&](auto member) {
                using T = ElementOf<Owner, decltype(member)>;
                const std::span<const T> values = elements(owner.*member);
                if (values.empty()) return;
                if constexpr (!std::is_same_v<T, std::string>) {
                    const std::uint64_t steps = values.size() / step_size(field.meaning, sizes);
                    file.write<T>(field.name, values, shape_of(field.meaning, sizes, steps), field.meaning);
                } else if (field.meaning.dimensions.empty()) {
                    file.write_string(field.name, values.front(), field.meaning);
                } else {
                    file.write_strings(field.name, values, field.meaning);
                }
            },
            field.member);
}

// `sizes`: the lengths of dimensions that are known.
template<class Owner>
void read_fields(const Hdf5File& file, const Fields<Owner>& fields, Owner& owner, Sizes sizes) {
    for (const Field<Owner>& field : fields)
        std::visit(
            [&](auto member) {
                using T = ElementOf<Owner, decltype(member)>;
                if (!file.has(field.name)) return;
                check_shape(file, field.name, field.meaning, sizes);
                if constexpr (std::is_same_v<decltype(member), std::string Owner::*>)
                    owner.*member = file.read_strings(field.name).front();
                else if constexpr (std::is_same_v<T, std::string>)
                    owner.*member = file.read_strings(field.name);
                else
                    owner.*member = file.read<T>(field.name);
            },
            field.member);
}

template<class Owner>
void write_attributes(Hdf5File& file, const AttributeFields<Owner>& attributes, const Owner& owner) {
    for (const AttributeField<Owner>& field : attributes)
        std::visit(
            [&](auto member) {
                using T = ElementOf<Owner, decltype(member)>;
                if constexpr (std::is_same_v<T, std::int32_t>)
                    file.set_attribute(field.name, std::int64_t{owner.*member});
                else
                    file.set_attribute(field.name, owner.*member);
            },
            field.member);
}

// What a file of an earlier minor version lacks keeps the owner's default.
template<class Owner>
void read_attributes(const Hdf5File& file, const AttributeFields<Owner>& attributes, Owner& owner) {
    const std::vector<std::string> there = file.attribute_names();
    for (const AttributeField<Owner>& field : attributes)
        std::visit(
            [&](auto member) {
                if (std::find(there.begin(), there.end(), field.name) == there.end()) return;
                using T = ElementOf<Owner, decltype(member)>;
                using Stored = std::conditional_t<std::is_same_v<T, std::int32_t>, std::int64_t, T>;
                owner.*member = static_cast<T>(file.attribute<Stored>(field.name));
            },
            field.member);
}

} // namespace autosampling
