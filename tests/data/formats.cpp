// Good files are read, whatever their packing, ending and folder.
#include "data_files.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace autosampling {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

const fs::path mnist = fs::path(TEST_DATA) / "mnist-10k";

std::vector<int> histogram(std::span<const std::int32_t> labels, int classes) {
    std::vector<int> counts(classes);
    for (const auto label : labels) ++counts[label];
    return counts;
}

// sum of (i mod 65521 + 1) times byte i
std::uint64_t weighted_sum(std::span<const std::uint8_t> bytes) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) sum += std::uint64_t{bytes[i]} * (i % 65521 + 1);
    return sum;
}

TEST(Mnist, real_digits_are_read_as_python_reads_them) {
    const auto loaded = load(options_for("mnist", mnist));
    const auto& dataset = loaded.dataset;
    EXPECT_EQ(dataset.facts.shape, (Shape{28, 28, 1}));
    EXPECT_EQ(dataset.facts.classes, 10);
    EXPECT_EQ(dataset.facts.class_names[7], "7");
    // These numbers come from Python's gzip and struct.
    EXPECT_EQ(dataset.training.bytes.size(), 8000U * 784);
    EXPECT_EQ(weighted_sum(dataset.training.bytes), 6863282444621U);
    EXPECT_EQ(histogram(dataset.training.labels, 10), (std::vector{806, 895, 802, 833, 778, 710, 800, 850, 743, 783}));
    EXPECT_EQ(dataset.test.bytes.size(), 2000U * 784);
    EXPECT_EQ(weighted_sum(dataset.test.bytes), 1711704508975U);
    EXPECT_EQ(histogram(dataset.test.labels, 10), (std::vector{195, 232, 189, 199, 202, 153, 214, 220, 201, 195}));
    const std::vector<std::int32_t> first(dataset.training.labels.begin(), dataset.training.labels.begin() + 10);
    EXPECT_EQ(first, (std::vector<std::int32_t>{0, 3, 8, 1, 7, 0, 3, 7, 9, 0}));
}

TEST(Mnist, mean_and_std_fit_the_real_pixels) {
    const auto loaded = load(options_for("mnist", mnist));
    const auto& pixels = loaded.dataset.training.bytes;
    const double mean = std::accumulate(pixels.begin(), pixels.end(), 0.0) / (255.0 * pixels.size());
    EXPECT_NEAR(loaded.dataset.facts.mean.at(0), mean, 0.002);
    EXPECT_NEAR(loaded.dataset.facts.std.at(0), 0.3081, 1e-12);
}

TEST(Mnist, names_with_a_dot_and_torchvisions_folder_are_found) {
    TemporaryFolder folder;
    const std::map<std::string, Bytes> files{{"train-images.idx3-ubyte", idx_images(20, 3, 5)},
                                             {"train-labels.idx1-ubyte", idx_labels(20)},
                                             {"t10k-images.idx3-ubyte", idx_images(4, 3, 5)},
                                             {"t10k-labels.idx1-ubyte", idx_labels(4)}};
    for (const auto& [name, bytes] : files) write_bytes(folder.path() / "MNIST/raw" / name, bytes);
    const auto loaded = load(options_for("mnist", folder.path()));
    EXPECT_EQ(loaded.dataset.facts.shape, (Shape{3, 5, 1}));
    EXPECT_EQ(loaded.dataset.training.bytes[1], 7);
    EXPECT_EQ(loaded.dataset.test.labels[3], 3);
    EXPECT_EQ(loaded.plan.files.front(), folder.path() / "MNIST/raw/train-images.idx3-ubyte");
}

// The same records, packed in some way, under a name with some ending.
struct Packing {
    std::string name;
    int filter;
    std::string ending;
};

class CifarPacking : public ::testing::TestWithParam<Packing> {};

TEST_P(CifarPacking, files_are_told_apart_by_content) {
    const auto& [name, filter, ending] = GetParam();
    TemporaryFolder folder;
    for (int i = 1; i <= 5; ++i)
        write_packed(folder.path() / text("data_batch_", i, ending), cifar_records(300 + i, 10, i), filter);
    write_packed(folder.path() / ("test_batch" + ending), cifar_records(7, 10, 6), filter);
    const auto loaded = load(options_for("cifar10", folder.path()));
    const auto& [facts, training, test, rewards] = loaded.dataset;
    EXPECT_EQ(facts.shape, (Shape{32, 32, 3}));
    EXPECT_EQ(facts.classes, 10);
    EXPECT_EQ(facts.class_names.at(9), "truck");
    ASSERT_EQ(training.labels.size(), 301U + 302 + 303 + 304 + 305);
    ASSERT_EQ(test.labels.size(), 7U);
    EXPECT_EQ(training.labels[0], 1);
    EXPECT_EQ(training.labels[301], 2); // the second file's first
    EXPECT_EQ(test.labels[6], 2);
    // Planes have become pixels: (n, H, W, C).
    const std::size_t record = 299, row = 301 + record;
    for (const std::size_t y : {0, 13, 31}) {
        for (const std::size_t x : {0, 30, 31})
            for (std::size_t c = 0; c < 3; ++c)
                EXPECT_EQ(training.bytes[((row * 32 + y) * 32 + x) * 3 + c], cifar_pixel(record, c, y, x));
    }
}

INSTANTIATE_TEST_SUITE_P(Data, CifarPacking,
                         ::testing::Values(Packing{"plain", ARCHIVE_FILTER_NONE, ".bin"},
                                           Packing{"gzip", ARCHIVE_FILTER_GZIP, ".bin.gz"},
                                           Packing{"xz", ARCHIVE_FILTER_XZ, ".bin.xz"},
                                           Packing{"bzip2", ARCHIVE_FILTER_BZIP2, ".bz2"},
                                           Packing{"zstd", ARCHIVE_FILTER_ZSTD, ".bin.zst"},
                                           Packing{"gzip_that_says_plain", ARCHIVE_FILTER_GZIP, ".bin"},
                                           Packing{"plain_that_says_xz", ARCHIVE_FILTER_NONE, ".bin.xz"},
                                           Packing{"xz_without_ending", ARCHIVE_FILTER_XZ, ""}),
                         [](const auto& packing) { return packing.param.name; });

TEST(Cifar, first_record_that_looks_like_lz4_is_read_as_a_record) {
    TemporaryFolder folder;
    auto records = cifar_records(2, 10);
    for (const auto& [at, byte] : std::map<int, int>{{0, 4}, {1, 0x22}, {2, 0x4d}, {3, 0x18}}) records[at] = byte;
    for (int i = 1; i <= 6; ++i) {
        records[10] = static_cast<std::uint8_t>(i);
        write_bytes(folder.path() / (i == 6 ? "test_batch.bin" : text("data_batch_", i, ".bin")), records);
    }
    EXPECT_EQ(load(options_for("cifar10", folder.path())).dataset.training.labels[0], 4);
}

TEST(Cifar, hundred_classes_use_the_fine_label) {
    TemporaryFolder folder;
    write_bytes(folder.path() / "cifar-100-binary/train.bin", cifar_records(200, 100));
    write_packed(folder.path() / "cifar-100-binary/test.bin.gz", cifar_records(100, 100), ARCHIVE_FILTER_GZIP);
    const auto loaded = load(options_for("cifar100", folder.path()));
    EXPECT_EQ(loaded.dataset.facts.classes, 100);
    EXPECT_EQ(loaded.dataset.training.labels[123], 23);
    EXPECT_EQ(loaded.dataset.training.bytes[3072 + 1], cifar_pixel(1, 1, 0, 0));
    EXPECT_EQ(loaded.dataset.facts.class_names.at(0), "apple");
    EXPECT_EQ(loaded.dataset.facts.class_names.at(99), "worm");
    EXPECT_TRUE(std::is_sorted(loaded.dataset.facts.class_names.begin(), loaded.dataset.facts.class_names.end()));
}

TEST(Cifar, plain_file_goes_before_a_packed_one) {
    TemporaryFolder folder;
    write_bytes(folder.path() / "train.bin", cifar_records(3, 100));
    write_bytes(folder.path() / "train.bin.md5", {1, 2, 3});
    write_packed(folder.path() / "train.bin.xz", cifar_records(9, 100), ARCHIVE_FILTER_XZ);
    write_packed(folder.path() / "test.bin.xz", cifar_records(2, 100), ARCHIVE_FILTER_XZ);
    write_bytes(folder.path() / "test.bin.md5", {1, 2, 3});
    const auto plan = plan_dataset(options_for("cifar100", folder.path()), 0);
    EXPECT_EQ(plan.training_examples, 3U);
    EXPECT_EQ(plan.test_examples, 2U);
}

TEST(Cifar, other_numbers_of_images_than_the_data_set_has_are_warned_of) {
    TemporaryFolder folder;
    const auto warnings = [&](std::uintmax_t training, std::uintmax_t test) {
        for (const auto& [name, records] : {std::pair("train.bin", training), std::pair("test.bin", test)}) {
            write_bytes(folder.path() / name, {});
            fs::resize_file(folder.path() / name, records * 3074); // sparse
        }
        return plan_dataset(options_for("cifar100", folder.path()), 0).warnings;
    };
    EXPECT_THAT(warnings(50000, 10000), IsEmpty());
    EXPECT_THAT(warnings(49999, 10000), ElementsAre(AllOf(HasSubstr("49999"), HasSubstr("50000"))));
    EXPECT_THAT(warnings(50000, 20000), ElementsAre(AllOf(HasSubstr("20000"), HasSubstr("10000"))));
    EXPECT_THAT(warnings(10000, 50000), ElementsAre(HasSubstr("exchanged")));
}

TEST(Cifar, compressed_file_that_contradicts_the_one_read_is_warned_of) {
    TemporaryFolder folder;
    const auto warnings = [&] {
        auto all = plan_dataset(options_for("cifar100", folder.path()), 0).warnings;
        all.pop_back(); // of the sizes
        return all;
    };
    write_bytes(folder.path() / "train.bin", cifar_records(3, 100));
    write_bytes(folder.path() / "test.bin", cifar_records(2, 100));
    write_packed(folder.path() / "train.bin.gz", cifar_records(3, 100), ARCHIVE_FILTER_GZIP);
    write_bytes(folder.path() / "train.bin.md5", {1, 2, 3});
    EXPECT_THAT(warnings(), IsEmpty());
    write_packed(folder.path() / "train.bin.gz", cifar_records(3, 100, 1), ARCHIVE_FILTER_GZIP);
    EXPECT_THAT(warnings(), ElementsAre(AllOf(HasSubstr("train.bin.gz"), HasSubstr("train.bin, which is read"))));
    auto part = read_bytes(folder.path() / "train.bin.gz");
    part.resize(part.size() / 2);
    write_bytes(folder.path() / "train.bin.gz", part); // of a download that was interrupted
    EXPECT_THAT(warnings(), IsEmpty());
}

TEST(Dataset, mean_and_std_can_be_set_once_or_by_channel) {
    TemporaryFolder folder;
    write_bytes(folder.path() / "train.bin", cifar_records(3, 100));
    write_bytes(folder.path() / "test.bin", cifar_records(3, 100));
    auto options = options_for("cifar100", folder.path());
    EXPECT_EQ(plan_dataset(options, 0).facts.mean, (std::vector{0.5071, 0.4865, 0.4409}));
    options.mean = {0.25};
    options.std = {1, 2, 3};
    EXPECT_EQ(plan_dataset(options, 0).facts.mean, (std::vector{0.25, 0.25, 0.25}));
    EXPECT_EQ(plan_dataset(options, 0).facts.std, (std::vector<double>{1, 2, 3}));
    for (const std::vector<double>& bad : {std::vector<double>{1, 2}, {0}, {-1}, {1, 1, 0}, {1.0 / 0.0}, {0.0 / 0.0}}) {
        options.std = bad;
        EXPECT_THAT(refusal(ExitCode::usage, [&] { plan_dataset(options, 0); }), HasSubstr("data.std"));
    }
    options.std = {};
    options.mean = {0.0 / 0.0};
    EXPECT_THAT(refusal(ExitCode::usage, [&] { plan_dataset(options, 0); }), HasSubstr("data.mean"));
}

TEST(Dataset, hash_sees_every_part) {
    auto loaded = load(options_for("mnist", mnist));
    const auto hash = hash_dataset(loaded.dataset);
    EXPECT_EQ(hash, hash_dataset(load(options_for("mnist", mnist)).dataset));
    const auto part = [](const auto& span) { return reinterpret_cast<const std::byte*>(&span.back()); };
    const auto& [training, test] = std::pair(loaded.dataset.training, loaded.dataset.test);
    for (const auto* last : {part(training.bytes), part(training.labels), part(test.bytes), part(test.labels)}) {
        auto& byte = loaded.memory[last - loaded.memory.data()];
        byte ^= std::byte{1};
        EXPECT_NE(hash_dataset(loaded.dataset), hash);
        byte ^= std::byte{1};
    }
    EXPECT_EQ(hash_dataset(loaded.dataset), hash);
}

TEST(Synthetic, is_a_pure_function_of_options_and_seed) {
    DataOptions options;
    options.name = "synthetic";
    options.synthetic_images = 500;
    options.synthetic_size = 9;
    options.synthetic_channels = 2;
    options.synthetic_classes = 7;
    const auto loaded = load(options, 5);
    EXPECT_EQ(loaded.dataset.facts.shape, (Shape{9, 9, 2}));
    EXPECT_EQ(loaded.dataset.training.labels.size(), 500U);
    EXPECT_EQ(loaded.dataset.test.labels.size(), 100U);
    EXPECT_EQ(hash_dataset(loaded.dataset), hash_dataset(load(options, 5).dataset));
    EXPECT_NE(hash_dataset(loaded.dataset), hash_dataset(load(options, 6).dataset));
    // More images leave those that were there as they are.
    options.synthetic_images = 600;
    const auto more = load(options, 5);
    EXPECT_TRUE(std::equal(loaded.dataset.training.bytes.begin(), loaded.dataset.training.bytes.end(),
                           more.dataset.training.bytes.begin()));
}

// The nearest class mean of the training images, with the test images: right nearly always, where chance is a tenth.
TEST(Synthetic, can_be_learnt_and_fits_its_mean_and_std) {
    DataOptions options;
    options.name = "synthetic";
    options.synthetic_images = 2000;
    options.synthetic_size = 16;
    const auto loaded = load(options, 1);
    const auto& [training, test] = std::pair(loaded.dataset.training, loaded.dataset.test);
    const std::size_t pixels = loaded.dataset.facts.shape.values();
    std::vector<double> centre(10 * pixels);
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < training.labels.size(); ++i) {
        for (std::size_t p = 0; p < pixels; ++p) {
            const double value = training.bytes[i * pixels + p] / 255.0;
            centre[training.labels[i] * pixels + p] += value / 200;
            sum += value;
            squares += value * value;
        }
    }
    const double n = static_cast<double>(training.bytes.size()), mean = sum / n;
    EXPECT_NEAR(mean, loaded.dataset.facts.mean[0], 0.02);
    EXPECT_NEAR(std::sqrt(squares / n - mean * mean), loaded.dataset.facts.std[0], 0.03);
    int right = 0;
    for (std::size_t i = 0; i < test.labels.size(); ++i) {
        std::vector<double> distance(10);
        for (std::size_t c = 0; c < 10; ++c) {
            for (std::size_t p = 0; p < pixels; ++p) {
                const double difference = test.bytes[i * pixels + p] / 255.0 - centre[c * pixels + p];
                distance[c] += difference * difference;
            }
        }
        right += std::min_element(distance.begin(), distance.end()) - distance.begin() == test.labels[i];
    }
    EXPECT_GT(right, 380); // of 400
}

TEST(Synthetic, sizes_out_of_range_are_usage_errors) {
    const auto refuse = [](auto member, std::int64_t value) {
        DataOptions options;
        options.name = "synthetic";
        options.*member = value;
        return refusal(ExitCode::usage, [&] { plan_dataset(options, 0); });
    };
    EXPECT_THAT(refuse(&DataOptions::synthetic_images, 49), HasSubstr("data.synthetic_images"));
    EXPECT_THAT(refuse(&DataOptions::synthetic_images, INT64_MAX), HasSubstr("data.synthetic_images"));
    EXPECT_THAT(refuse(&DataOptions::synthetic_size, 0), HasSubstr("data.synthetic_size"));
    EXPECT_THAT(refuse(&DataOptions::synthetic_channels, -1), HasSubstr("data.synthetic_channels"));
    EXPECT_THAT(refuse(&DataOptions::synthetic_classes, 1), HasSubstr("data.synthetic_classes"));
}

} // namespace
} // namespace autosampling
