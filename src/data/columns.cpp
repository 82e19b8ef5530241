#include "autosampling/data/columns.hpp"

#include "array_file.hpp"
#include "autosampling/base/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace autosampling {

namespace {

using detail::Array;
using detail::ArrayFile;

constexpr double largest = 1e100; // whose square is finite, also summed up; that of 1 / largest isn't 0

// Each value by its place among the different ones, which become the column's words.
template<class T>
void take_words(Column& column, const std::vector<T>& values, const std::set<T>& different) {
    std::vector<T> words(different.begin(), different.end());
    for (const T& word : words) column.words.push_back(text(word));
    for (const T& value : values)
        column.value.push_back(static_cast<double>(std::ranges::lower_bound(words, value) - words.begin()));
}

void read_text(const ArrayFile& file, const Array& array, Column& column) {
    const std::vector<std::string> values = file.strings(array.name);
    const std::set<std::string> different(values.begin(), values.end());
    if (different.size() > most_words)
        file.refuse(text(array.name, " has ", different.size(), " different texts (each has a weight of its own)"),
                    text("give at most ", most_words, ", or numbers"));
    take_words(column, values, different);
}

void read_whole_numbers(const ArrayFile& file, const Array& array, Column& column) {
    std::vector<std::int64_t> values(array.rows());
    file.read<std::int64_t>(array, values, [&](std::uint64_t first, std::span<const std::int64_t> some) {
        const auto bad = std::ranges::find(some, std::numeric_limits<std::int64_t>::max());
        if (bad != some.end()) // HDF5 makes it of any that is larger
            file.refuse(text(array.name, " has a number from 2^63 - 1 in row ", first + (bad - some.begin())),
                        "give smaller ones, or text");
    });
    const std::set<std::int64_t> different(values.begin(), values.end());
    if (different.size() <= most_words)
        take_words(column, values, different);
    else
        column.value.assign(values.begin(), values.end());
}

void read_numbers(const ArrayFile& file, const Array& array, Column& column) {
    column.value.resize(array.rows());
    file.read<double>(array, column.value, [&](std::uint64_t first, std::span<const double> values) {
        const auto bad = std::ranges::find_if(values, [](double value) { return !(std::abs(value) <= largest); });
        if (bad != values.end())
            file.refuse(text(array.name, " has the value ", *bad, " in row ", first + (bad - values.begin())),
                        text("put a number from ", -largest, " to ", largest, " there"));
    });
    const auto [low, high] = std::ranges::minmax(column.value);
    if (low < high && high - low < 1 / largest)
        file.refuse(text(array.name, " has numbers that differ by ", high - low, " at most (too little to be squared)"),
                    "scale them up");
}

Column read_column(const ArrayFile& file, const std::string& name, std::size_t examples) {
    const std::string path = "signals/" + name;
    if (!file.has(path))
        file.refuse("holds no " + path, "add it, or take column:" + name + " out of exploration.signals");
    const Array array = file.array(path);
    if (array.shape.size() != 1 || array.rows() != examples)
        file.refuse(text(path, " has ", array.rows(), array.shape.size() == 1 ? " values" : " rows of several values",
                         " (the training file has ", examples, " examples)"),
                    "give one value an example, in the order of the file");
    Column column{name, {}, {}};
    if (array.kind == H5T_STRING)
        read_text(file, array, column);
    else if (array.kind == H5T_INTEGER || array.kind == H5T_ENUM) // truth values are an enumeration
        read_whole_numbers(file, array, column);
    else if (array.kind == H5T_FLOAT)
        read_numbers(file, array, column);
    else
        file.refuse(path + " is neither numbers nor text", "convert it");
    return column;
}

} // namespace

std::vector<Column> read_columns(const std::filesystem::path& path, std::span<const std::string> names,
                                 std::size_t examples, std::span<const std::uint32_t> rows) {
    std::vector<Column> columns;
    if (names.empty()) return columns;
    const ArrayFile file(path, "data.signals");
    for (const std::string& name : names) {
        Column& column = columns.emplace_back(read_column(file, name, examples));
        std::vector<double> value;
        for (const std::uint32_t row : rows) value.push_back(column.value.at(row));
        column.value = std::move(value);
    }
    return columns;
}

} // namespace autosampling
