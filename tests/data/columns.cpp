// data.signals: what is read of it, and which column is named where it can't be.
#include "autosampling/data/columns.hpp"

#include "data_files.hpp"
#include "harness/columns_file.hpp"

#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <numeric>

namespace autosampling {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Names = std::vector<std::string>;
using Rows = std::vector<std::uint32_t>;

class Columns : public ::testing::Test {
  protected:
    // The column x of all rows of a training file of so many examples.
    Column read(std::size_t examples) const {
        Rows rows(examples);
        std::iota(rows.begin(), rows.end(), 0U);
        return read_columns(file, Names{"x"}, examples, rows).at(0);
    }
    std::string refusal(std::size_t examples, const std::string& name = "x") const {
        try {
            read_columns(file, Names{name}, examples, Rows{0});
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::data);
            return error.what();
        }
        return {};
    }

    const TemporaryFolder folder;
    const std::filesystem::path file = folder.path() / "own.h5";
};

TEST_F(Columns, text_becomes_words_in_order) {
    put_column<const char*>(file, "x", {"web", "book", "web", "straße", ""});
    const Column column = read(5);
    EXPECT_EQ(column.name, "x");
    EXPECT_THAT(column.words, ElementsAre("", "book", "straße", "web"));
    EXPECT_THAT(column.value, ElementsAre(3, 1, 3, 2, 0));
}

TEST_F(Columns, text_of_one_length_is_read_too) {
    Hdf5Type type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type.get(), 3);
    put_column(file, "x", type, "webbokweba\0\0", 4);
    EXPECT_THAT(read(4).words, ElementsAre("a", "bok", "web"));
}

TEST_F(Columns, few_whole_numbers_are_words_and_many_are_numbers) {
    put_column<std::int64_t>(file, "x", {10, -3, 10, 9});
    EXPECT_THAT(read(4).words, ElementsAre("-3", "9", "10"));
    EXPECT_THAT(read(4).value, ElementsAre(2, 0, 2, 1));
    std::vector<std::int8_t> many(most_words);
    std::iota(many.begin(), many.end(), std::int8_t{-5});
    put_column(file, "x", many);
    EXPECT_EQ(read(many.size()).words.size(), most_words);
    many.push_back(100);
    put_column(file, "x", many);
    EXPECT_THAT(read(many.size()).words, IsEmpty());
    EXPECT_EQ(read(many.size()).value.front(), -5);
    EXPECT_EQ(read(many.size()).value.back(), 100);
}

TEST_F(Columns, truth_values_are_words) {
    const Hdf5Type type(H5Tenum_create(H5T_NATIVE_INT8)); // as h5py has them
    const std::int8_t no = 0, yes = 1;
    H5Tenum_insert(type.get(), "FALSE", &no);
    H5Tenum_insert(type.get(), "TRUE", &yes);
    put_column(file, "x", type, std::vector<std::int8_t>{1, 0, 1}.data(), 3);
    EXPECT_THAT(read(3).words, ElementsAre("0", "1"));
    EXPECT_THAT(read(3).value, ElementsAre(1, 0, 1));
}

TEST_F(Columns, real_numbers_stay_as_they_are_however_few) {
    put_column<float>(file, "x", {0.5F, -2, 0.5F});
    EXPECT_THAT(read(3).words, IsEmpty());
    EXPECT_THAT(read(3).value, ElementsAre(0.5, -2, 0.5));
    put_column<double>(file, "x", {0.1, 1e99, 0});
    EXPECT_THAT(read(3).value, ElementsAre(0.1, 1e99, 0));
}

TEST_F(Columns, values_are_those_of_the_rows_and_columns_those_of_the_names) {
    put_column<double>(file, "length", {0, 1, 2, 3});
    put_column<const char*>(file, "source", {"a", "b", "a", "c"});
    const auto columns = read_columns(file, Names{"source", "length"}, 4, Rows{1, 3});
    ASSERT_EQ(columns.size(), 2U);
    EXPECT_THAT(columns[0].value, ElementsAre(1, 2));
    EXPECT_THAT(columns[0].words, ElementsAre("a", "b", "c")); // those of the file
    EXPECT_THAT(columns[1].value, ElementsAre(1, 3));
    EXPECT_THAT(read_columns("no file", {}, 4, Rows{}), IsEmpty());
}

TEST_F(Columns, what_is_wrong_is_said_with_the_column) {
    EXPECT_THAT(refusal(3), AllOf(HasSubstr("own.h5"), HasSubstr("no such file (data.signals)")));
    put_column<double>(file, "x", {1, 2, 3, std::nan("")});
    EXPECT_THAT(refusal(4, "y"), HasSubstr("holds no signals/y"));
    EXPECT_THAT(refusal(5), HasSubstr("signals/x has 4 values (the training file has 5 examples)"));
    EXPECT_THAT(refusal(4), HasSubstr("signals/x has the value nan in row 3"));
    put_column<double>(file, "x", {1, INFINITY});
    EXPECT_THAT(refusal(2), HasSubstr("signals/x has the value inf in row 1"));
    put_column<double>(file, "x", {1, -1e308});
    EXPECT_THAT(refusal(2), HasSubstr("signals/x has the value -1e+308 in row 1"));
    put_column<double>(file, "x", {0, 1e-300});
    EXPECT_THAT(refusal(2), HasSubstr("signals/x has numbers that differ by 1e-300 at most"));
    put_column(file, "x", Hdf5Type(H5Tcopy(H5T_NATIVE_UINT64)), std::array<std::uint64_t, 2>{1, UINT64_MAX}.data(), 2);
    EXPECT_THAT(refusal(2), HasSubstr("signals/x has a number from 2^63 - 1 in row 1"));
    put_column(file, "x", std::vector<const char*>{"a", "b\xff"});
    EXPECT_THAT(refusal(2), HasSubstr("signals/x has a text in row 1 that isn't UTF-8"));
    put_column(file, "x", column_type<double>(), std::vector<double>(6).data(), 3, 2);
    EXPECT_THAT(refusal(3), HasSubstr("signals/x has 3 rows of several values"));

    Names texts;
    for (std::size_t i = 0; i <= most_words; ++i) texts.push_back(std::to_string(i));
    std::vector<const char*> pointers;
    for (const std::string& each : texts) pointers.push_back(each.c_str());
    put_column(file, "x", pointers);
    EXPECT_THAT(refusal(pointers.size()), HasSubstr("signals/x has 33 different texts"));

    const Hdf5Type opaque(H5Tcreate(H5T_OPAQUE, 4));
    put_column(file, "x", opaque, "abcdefgh", 2);
    EXPECT_THAT(refusal(2), HasSubstr("signals/x is neither numbers nor text"));
    EXPECT_THAT(refusal(2, "x/y"), HasSubstr("holds no signals/x/y"));
    EXPECT_THAT(refusal(2, "../signals"), HasSubstr("holds no signals/../signals"));
    std::filesystem::remove(file);
    std::filesystem::create_directory(file);
    EXPECT_THAT(refusal(2), HasSubstr("is no file but a folder or a device (data.signals)"));
    std::filesystem::remove(file);
    write_bytes(file, {1, 2, 3});
    EXPECT_THAT(refusal(2), HasSubstr("cannot be opened"));
    std::filesystem::remove(file);
    H5Fclose(H5Fcreate(file.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT)); // empty
    EXPECT_THAT(refusal(2), HasSubstr("holds no signals/x"));
}

} // namespace
} // namespace autosampling
