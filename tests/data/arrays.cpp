// The user's own arrays: what is read, and which row is named where it can't be.
#include "data_files.hpp"

#include "autosampling/base/hdf5_handle.hpp"
#include "autosampling/data/split.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <sys/wait.h>
#include <unistd.h>

namespace autosampling {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template<class T>
hid_t type_of() {
    if constexpr (std::is_same_v<T, std::uint8_t>) return H5T_NATIVE_UINT8;
    if constexpr (std::is_same_v<T, std::int32_t>) return H5T_NATIVE_INT32;
    if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
    if constexpr (std::is_same_v<T, std::uint64_t>) return H5T_NATIVE_UINT64;
    if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
    if constexpr (std::is_same_v<T, double>) return H5T_NATIVE_DOUBLE;
}

// An HDF5 file of the test's arrays.
class Arrays : public ::testing::Test {
  protected:
    using Lengths = std::vector<hsize_t>;

    // `chunk` rows a compressed chunk; 0: contiguous.
    template<class T>
    void put(const std::string& name, const std::vector<T>& values, const Lengths& shape, hsize_t chunk = 0) {
        const Hdf5Handle<H5Fclose> out(open());
        if (H5Lexists(out.get(), name.c_str(), H5P_DEFAULT) > 0) H5Ldelete(out.get(), name.c_str(), H5P_DEFAULT);
        const Hdf5Space space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr));
        const Hdf5Properties layout(H5Pcreate(H5P_DATASET_CREATE));
        if (chunk > 0) {
            Lengths lengths = shape;
            lengths.front() = chunk;
            lengths.back() = (lengths.back() + 1) / 2;
            H5Pset_chunk(layout.get(), static_cast<int>(lengths.size()), lengths.data());
            H5Pset_deflate(layout.get(), 1);
        }
        const Hdf5Dataset dataset(
            H5Dcreate2(out.get(), name.c_str(), type_of<T>(), space.get(), H5P_DEFAULT, layout.get(), H5P_DEFAULT));
        ASSERT_GE(H5Dwrite(dataset.get(), type_of<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    }

    hid_t open() const {
        return std::filesystem::exists(file) ? H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)
                                             : H5Fcreate(file.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
    }

    // n rows of 2 × 3 numbers, number i of all being i / 8, and classes 0, 1, 2, 0, …
    void put_numbers(std::size_t n, hsize_t chunk = 0, const std::string& suffix = "") {
        std::vector<float> x(n * 6);
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) / 8;
        put("x" + suffix, x, {n, 2, 3}, chunk);
        put("y" + suffix, classes(n), {n});
    }
    static std::vector<std::int64_t> classes(std::size_t n) {
        std::vector<std::int64_t> y(n);
        for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<std::int64_t>(i % 3);
        return y;
    }

    DataOptions options() const { return options_for("arrays", file); }
    std::string refused() const {
        return refusal(ExitCode::data, [&] { load(options()); });
    }

    TemporaryFolder folder;
    std::filesystem::path file = folder.path() / "own.h5";
};

std::vector<float> batch_of(const ExampleSet& set, const std::vector<std::uint32_t>& rows, std::size_t values) {
    std::vector<float> out(rows.size() * values);
    set.source->fill(rows, {}, out);
    return out;
}

TEST_F(Arrays, numbers_of_any_shape_are_read_whole_chunked_and_compressed) {
    for (const hsize_t chunk : {0, 1, 7}) {
        put_numbers(50, chunk);
        const auto loaded = load(options());
        EXPECT_EQ(loaded.dataset.facts.shape, (Shape{2, 3}));
        EXPECT_EQ(loaded.dataset.facts.classes, 3);
        EXPECT_EQ(loaded.dataset.facts.outputs(), 3);
        ASSERT_EQ(loaded.dataset.training.rows, 50U);
        EXPECT_EQ(loaded.dataset.training.labels[49], 1);
        EXPECT_EQ(batch_of(loaded.dataset.training, {49, 0}, 6),
                  (std::vector<float>{294 / 8.F, 295 / 8.F, 296 / 8.F, 297 / 8.F, 298 / 8.F, 299 / 8.F, 0, 1 / 8.F,
                                      2 / 8.F, 3 / 8.F, 4 / 8.F, 5 / 8.F}));
    }
}

TEST_F(Arrays, images_of_bytes_have_a_test_part_and_class_names) {
    std::vector<std::uint8_t> x(12 * 4 * 4);
    std::iota(x.begin(), x.end(), std::uint8_t{0});
    put("x", x, {12, 4, 4});
    put("y", classes(12), {12});
    std::ranges::reverse(x);
    put("x_test", x, {12, 4, 4, 1});
    put("y_test", std::vector<std::int32_t>(12, 2), {12, 1});
    const auto loaded = load(options());
    EXPECT_EQ(loaded.dataset.facts.shape, (Shape{4, 4, 1}));
    EXPECT_EQ(loaded.dataset.facts.class_names, (std::vector<std::string>{"0", "1", "2"}));
    EXPECT_EQ(loaded.dataset.test.rows, 12U);
    EXPECT_EQ(loaded.dataset.test.labels[5], 2);
    EXPECT_EQ(batch_of(loaded.dataset.test, {1}, 16).front(), 175 / 255.F);
}

TEST_F(Arrays, copy_of_the_training_part_is_refused) {
    put_numbers(6);
    auto same_rewards = options();
    same_rewards.reward_path = same_rewards.path;
    const std::string copied = "holds the same examples as " + file.string() + " (x) (";
    EXPECT_THAT(refusal(ExitCode::data, [&] { load(same_rewards); }), HasSubstr(copied));
    put_numbers(6, 0, "_test");
    EXPECT_THAT(refused(), HasSubstr("own.h5 (x_test): " + copied));
    put("y", std::vector<float>(6, 1), {6}); // a regression that is measured twice at the same places
    put("y_test", std::vector<float>(6, 2), {6});
    EXPECT_NO_THROW(load(options()));
}

TEST_F(Arrays, real_y_is_a_regression) {
    put_numbers(20);
    std::vector<double> y(40);
    std::iota(y.begin(), y.end(), 0.5);
    put("y", y, {20, 2});
    const auto loaded = load(options());
    EXPECT_TRUE(loaded.dataset.facts.is_regression());
    EXPECT_EQ(loaded.dataset.facts.outputs(), 2);
    EXPECT_EQ(loaded.dataset.training.targets[39], 39.5F);
    const auto split = split_dataset(loaded.dataset, options(), 0);
    EXPECT_EQ(split.test.source.size(), 2U);
    EXPECT_EQ(split.reward.source.size(), 1U);
    EXPECT_EQ(split.training.label, std::vector<std::int32_t>(17, 0));
    auto noisy = options();
    noisy.label_noise = 0.1;
    EXPECT_THAT(refusal(ExitCode::usage, [&] { split_dataset(loaded.dataset, noisy, 0); }), HasSubstr("regression"));
}

TEST_F(Arrays, standardised_numbers_have_mean_0_and_deviation_1_without_the_tested_rows) {
    put_numbers(100, 9);
    auto standardised = options();
    standardised.standardise = true;
    standardised.test_images = 30;
    const auto loaded = load(standardised, 5);
    const auto split = split_dataset(loaded.dataset, standardised, 5);
    std::vector<std::uint32_t> rows = split.training.source;
    rows.insert(rows.end(), split.reward.source.begin(), split.reward.source.end());
    ASSERT_EQ(rows.size(), 70U);
    const auto values = batch_of(loaded.dataset.training, rows, 6);
    for (std::size_t feature = 0; feature < 6; ++feature) {
        double sum = 0, squares = 0;
        for (std::size_t i = feature; i < values.size(); i += 6) sum += values[i], squares += values[i] * values[i];
        EXPECT_NEAR(sum / 70, 0, 1e-6);
        EXPECT_NEAR(squares / 70, 1, 1e-5);
    }
    EXPECT_EQ(loaded.plan.facts.mean.size(), 6U);
}

TEST_F(Arrays, rewards_may_be_listed) {
    put_numbers(30);
    auto listed = options();
    listed.reward_rows = folder.path() / "rewards.txt";
    const auto write = [&](const std::string& words) { write_bytes(listed.reward_rows, {words.begin(), words.end()}); };
    const auto split = [&] { return split_dataset(load(listed).dataset, listed, 0); };
    std::vector<std::uint32_t> wanted =
        split_dataset(load(options()).dataset, options(), 0).test.source; // if not listed
    wanted.insert(wanted.begin(), wanted.front() == 0 ? 1 : 0);
    std::ranges::sort(wanted);
    std::string words;
    for (const auto row : wanted) words = std::to_string(row) + "\n" + words;
    write(words);
    EXPECT_EQ(split().reward.source, wanted);
    EXPECT_EQ(split().test.source.size(), 3U);
    EXPECT_EQ(split().training.source.size(), 30 - 3 - 4U);
    for (const auto& [bad, said] : std::map<std::string, std::string>{{"1 2 x", "\"x\""},
                                                                      {"-1", "\"-1\""},
                                                                      {"", "lists no row"},
                                                                      {"5 5", "row 5 twice"},
                                                                      {"30", "row 30 (the training file has"}}) {
        write(bad);
        EXPECT_THAT(refusal(ExitCode::data, split), HasSubstr(said)) << bad;
    }
    listed.reward_rows = folder.path();
    EXPECT_THAT(refusal(ExitCode::data, split), HasSubstr("cannot be read"));
}

TEST_F(Arrays, rewards_may_be_a_file_of_their_own) {
    put_numbers(5);
    auto with_reward = options();
    with_reward.reward_path = folder.path() / "reward.h5";
    std::filesystem::rename(file, with_reward.reward_path);
    put_numbers(30);
    with_reward.standardise = true;
    const auto loaded = load(with_reward);
    auto alone = options();
    alone.standardise = true;
    EXPECT_EQ(loaded.plan.facts.mean, load(alone).plan.facts.mean);
    EXPECT_EQ(loaded.dataset.training.rows, 35U);
    EXPECT_EQ(batch_of(loaded.dataset.training, {34}, 6), batch_of(loaded.dataset.training, {4}, 6));
    const auto split = split_dataset(loaded.dataset, with_reward, 0);
    EXPECT_EQ(split.reward.source, (std::vector<std::uint32_t>{30, 31, 32, 33, 34}));
    EXPECT_EQ(split.reward.label, (std::vector<std::int32_t>{0, 1, 2, 0, 1}));
    EXPECT_EQ(split.test.source, split_dataset(load(options()).dataset, options(), 0).test.source);
    EXPECT_EQ(split.training.source.size(), 27U);

    with_reward.reward_rows = "rewards.txt";
    EXPECT_THAT(refusal(ExitCode::usage, [&] { load(with_reward); }), HasSubstr("leave one away"));
    with_reward.reward_rows.clear();
    const auto refused_reward = [&] { return refusal(ExitCode::data, [&] { load(with_reward); }); };
    std::filesystem::rename(file, with_reward.reward_path); // 30 rows, and those of the training file are others
    put("x", std::vector<float>(30 * 7, 1), {30, 7});
    put("y", classes(30), {30});
    EXPECT_THAT(refused_reward(), AllOf(HasSubstr("reward.h5"), HasSubstr("x is 30 x 2 x 3")));
    put("x", std::vector<float>(30 * 6, 1), {30, 2, 3});
    put("y", std::vector<float>(30, 1), {30});
    EXPECT_THAT(refused_reward(), HasSubstr("not as y in"));
}

TEST_F(Arrays, bad_numbers_and_classes_are_named_with_their_row) {
    put_numbers(20, 3);
    for (const float bad : {std::nanf(""), INFINITY}) {
        std::vector<float> x(20 * 6, 1);
        x[17 * 6 + 2] = bad;
        put("x", x, {20, 6}, 4);
        EXPECT_THAT(refused(), AllOf(HasSubstr(file.string()), HasSubstr("x has"), HasSubstr("in row 17")));
    }
    put_numbers(20);
    const auto with = [&](std::int64_t value) {
        auto y = classes(20);
        y[11] = value;
        put("y", y, {20});
        return refused();
    };
    EXPECT_THAT(with(-1), HasSubstr("class -1 in row 11"));
    EXPECT_THAT(with(std::int64_t{1} << 40), HasSubstr("class 1099511627776 in row 11"));
    EXPECT_THAT(with(4), HasSubstr("no class 3, but 4 in row 11"));
    auto from_one = classes(20);
    for (auto& value : from_one) ++value;
    put("y", from_one, {20});
    EXPECT_THAT(refused(), HasSubstr("no class 0, but 1 in row 0"));
    put("y", std::vector<std::uint64_t>(20, ~std::uint64_t{0}), {20});
    EXPECT_THAT(refused(), HasSubstr("in row 0"));
    put("y", std::vector<float>(20, NAN), {20});
    EXPECT_THAT(refused(), HasSubstr("y has the value nan in row 0"));
    put("y", classes(20), {20});
    put("x_test", std::vector<float>(12, 1), {2, 2, 3});
    put("y_test", std::vector<std::int64_t>{0, 3}, {2});
    EXPECT_THAT(refused(), HasSubstr("y_test has the class 3 in row 1"));
}

TEST_F(Arrays, shapes_that_do_not_fit_are_refused) {
    EXPECT_THAT(refused(), HasSubstr("no such file"));
    put_numbers(20);
    put("y", classes(19), {19});
    EXPECT_THAT(refused(), HasSubstr("y has 19 rows, x 20"));
    put("y", classes(40), {20, 2});
    EXPECT_THAT(refused(), HasSubstr("whole numbers of 20 x 2"));
    put("y", std::vector<std::int64_t>(20, 0), {20});
    EXPECT_THAT(refused(), HasSubstr("one class alone"));
    put("y", std::vector<float>(), {20, 0});
    EXPECT_THAT(refused(), HasSubstr("y is 20 x 0"));
    put("y", classes(20), {20});
    put("x", std::vector<std::int32_t>(20, 0), {20});
    EXPECT_THAT(refused(), HasSubstr("neither uint8 nor float32"));
    put("x", std::vector<std::uint8_t>(20 * 5, 0), {20, 5});
    EXPECT_THAT(refused(), HasSubstr("uint8 of 20 x 5"));
    put("x", std::vector<float>(20, 0), {20});
    put("x_test", std::vector<float>(40, 0), {20, 2});
    EXPECT_THAT(refused(), HasSubstr("holds no y_test"));
    put("y_test", classes(20), {20});
    EXPECT_THAT(refused(), HasSubstr("x_test is 20 x 2, an example of x 1"));
}

// HDF5 would give zeros for what isn't there.
TEST_F(Arrays, values_that_are_missing_are_refused) {
    put_numbers(20);
    const Lengths shape{20, 2, 3};
    const auto create = [&](const Hdf5Properties& layout) {
        const Hdf5Handle<H5Fclose> out(open());
        H5Ldelete(out.get(), "x", H5P_DEFAULT);
        const Hdf5Space space(H5Screate_simple(3, shape.data(), nullptr));
        const Hdf5Dataset made(
            H5Dcreate2(out.get(), "x", H5T_NATIVE_FLOAT, space.get(), H5P_DEFAULT, layout.get(), H5P_DEFAULT));
        ASSERT_GE(made.get(), 0);
    };
    create(Hdf5Properties(H5Pcreate(H5P_DATASET_CREATE)));
    EXPECT_THAT(refused(), HasSubstr("x was never written"));
    const Hdf5Properties elsewhere(H5Pcreate(H5P_DATASET_CREATE));
    const Hdf5Space space(H5Screate_simple(3, shape.data(), nullptr));
    H5Pset_virtual(elsewhere.get(), space.get(), "elsewhere.h5", "x", space.get());
    create(elsewhere);
    EXPECT_THAT(refused(), HasSubstr("x is virtual"));
    const Hdf5Properties filtered(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_chunk(filtered.get(), 3, shape.data());
    H5Pset_filter(filtered.get(), 32'000, H5Z_FLAG_OPTIONAL, 0, nullptr); // h5py's lzf
    create(filtered);
    EXPECT_THAT(refused(), HasSubstr("x was written with filter 32000"));
}

TEST_F(Arrays, linked_from_another_file_are_read) {
    put_numbers(20);
    const std::filesystem::path other = folder.path() / "other.h5";
    std::filesystem::rename(file, other);
    {
        const Hdf5Handle<H5Fclose> out(open());
        for (const char* const name : {"x", "y"})
            ASSERT_GE(H5Lcreate_external(other.c_str(), name, out.get(), name, H5P_DEFAULT, H5P_DEFAULT), 0);
    }
    EXPECT_EQ(load(options()).dataset.training.rows, 20U);
}

TEST_F(Arrays, test_images_that_are_not_drawn_are_said) {
    put_numbers(20);
    put_numbers(5, 0, "_test");
    put("x_test", std::vector<float>(30, 0.5F), {5, 2, 3});
    DataOptions both = options();
    both.test_images = 4;
    EXPECT_THAT(load(both).plan.warnings, ElementsAre(HasSubstr("data.test_images = 4 has no effect")));
}

TEST_F(Arrays, doubtful_targets_are_said) {
    put_numbers(20);
    const auto warnings = [&](const std::vector<float>& y) {
        put("y", y, {20});
        return load(options()).plan.warnings;
    };
    std::vector<float> y(20, 0.5F);
    EXPECT_THAT(warnings(y), IsEmpty());
    y.front() = -20;
    EXPECT_THAT(warnings(y), IsEmpty());
    y.front() = 100;
    EXPECT_THAT(warnings(y), ElementsAre(HasSubstr("y has mean 5.475 and standard deviation 21.6")));
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<float>(i % 3);
    EXPECT_THAT(warnings(y), ElementsAre(HasSubstr("y holds the numbers 0 to 2 as reals")));
    y.front() = 4; // not the classes 0 to 4, as 3 is missing
    EXPECT_THAT(warnings(y), IsEmpty());
}

TEST_F(Arrays, lengths_that_no_file_has_room_for_take_no_memory) {
    put_numbers(20);
    const Lengths most{hsize_t{1} << 62};
    {
        const Hdf5Handle<H5Fclose> out(open());
        const Hdf5Space space(H5Screate_simple(1, most.data(), nullptr));
        const Hdf5Properties layout(H5Pcreate(H5P_DATASET_CREATE));
        H5Pset_virtual(layout.get(), space.get(), "elsewhere.h5", "names", space.get());
        const Hdf5Type texts(H5Tcopy(H5T_C_S1));
        const Hdf5Dataset made(
            H5Dcreate2(out.get(), "class_name", texts.get(), space.get(), H5P_DEFAULT, layout.get(), H5P_DEFAULT));
        ASSERT_GE(made.get(), 0);
    }
    EXPECT_THAT(refused(), HasSubstr("class_name has 4611686018427387904 rows, more than the file has room for"));
}

TEST_F(Arrays, one_kept_within_its_description_is_no_longer_than_what_is_kept) {
    const hsize_t rows = 1237;
    put("x", std::vector<float>(rows + 1), {rows + 1, 1});
    {
        const Hdf5Handle<H5Fclose> out(open());
        const Hdf5Space space(H5Screate_simple(1, &rows, nullptr));
        const Hdf5Properties layout(H5Pcreate(H5P_DATASET_CREATE));
        H5Pset_layout(layout.get(), H5D_COMPACT);
        const Hdf5Dataset made(
            H5Dcreate2(out.get(), "y", H5T_NATIVE_INT64, space.get(), H5P_DEFAULT, layout.get(), H5P_DEFAULT));
        ASSERT_GE(H5Dwrite(made.get(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, classes(rows).data()), 0);
    }
    EXPECT_THAT(refused(), HasSubstr("1237"));
    auto longer = read_bytes(file);
    for (std::size_t at = 0; at + 1 < longer.size(); ++at)
        if (longer[at] == rows % 256 && longer[at + 1] == rows / 256) ++longer[at];
    write_bytes(file, longer);
    EXPECT_THAT(refused(), AnyOf(HasSubstr("y has 1238 rows, more than the file has room for"), HasSubstr("y (")));
}

#if defined(__SANITIZE_ADDRESS__)
constexpr int found_by_sanitizer = 1; // it ends the process where HDF5 reads beyond its memory
#else
constexpr int found_by_sanitizer = 3;
#endif

// Whatever byte is wrong: the file is refused, even where HDF5 crashes on it, or it is another file that is whole.
TEST_F(Arrays, wrong_bytes_in_the_description_of_the_arrays_are_refused_or_read) {
    const auto look = [&] {
        alarm(20); // it is never waited for
        try {
            load(options());
        } catch (const Error& error) {
            const bool named = std::string(error.what()).find(file.string()) != std::string::npos;
            _exit(named ? static_cast<int>(error.code()) : 1);
        }
        _exit(0);
    };
    for (const hsize_t chunk : {0, 7}) {
        std::filesystem::remove(file);
        put_numbers(50, chunk);
        const auto whole = read_bytes(file);
        for (std::size_t at = 0; at < std::min<std::size_t>(whole.size(), 4000); at += 3) {
            auto spoilt = whole;
            spoilt[at] ^= 0xff;
            write_bytes(file, spoilt);
            int status = 0;
            const pid_t child = fork();
            if (child == 0) look();
            waitpid(child, &status, 0);
            ASSERT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3 ||
                                              WEXITSTATUS(status) == found_by_sanitizer))
                << "status " << status << " with byte " << at << ", chunks of " << chunk;
        }
    }
}

TEST_F(Arrays, files_cut_short_empty_or_of_another_kind_are_refused) {
    put_numbers(2000);
    const auto whole = read_bytes(file);
    for (const std::size_t length : {std::size_t{0}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
        write_bytes(file, {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
        EXPECT_THAT(refused(), HasSubstr(file.string())) << length;
    }
    const std::string text = "x,y\n1,2\n";
    write_bytes(file, {text.begin(), text.end()});
    EXPECT_THAT(refused(), HasSubstr("HDF5"));
    std::filesystem::remove(file);
    std::filesystem::create_directory(file);
    EXPECT_THAT(refused(), HasSubstr("folder"));
    EXPECT_THAT(refusal(ExitCode::usage, [] { load(options_for("arrays", "")); }), HasSubstr("data.path"));
}

} // namespace
} // namespace autosampling
