// Bad files end in Error(data) that names file, offset, what was found and what was expected.
#include "data_files.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace autosampling {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

const char* const train_images = "train-images-idx3-ubyte";
const char* const train_labels = "train-labels-idx1-ubyte";
const char* const test_images = "t10k-images-idx3-ubyte";
const char* const test_labels = "t10k-labels-idx1-ubyte";

// A good folder of 20 and 5 images of 3 x 4, in which a test spoils one file.
class BadMnist : public ::testing::Test {
  protected:
    BadMnist() {
        write_bytes(folder.path() / train_images, idx_images(20, 3, 4));
        write_bytes(folder.path() / train_labels, idx_labels(20));
        write_bytes(folder.path() / test_images, idx_images(5, 3, 4));
        write_bytes(folder.path() / test_labels, idx_labels(5));
    }
    std::string refused() {
        return refusal(ExitCode::data, [&] { load(options_for("mnist", folder.path())); });
    }
    void replace(const char* name, const Bytes& bytes, int filter = ARCHIVE_FILTER_NONE) {
        write_packed(folder.path() / name, bytes, filter);
    }
    // As a header with these numbers and a few bytes more.
    static Bytes claim(std::uint32_t n, std::uint32_t height, std::uint32_t width) {
        Bytes bytes;
        for (const std::uint32_t value : {2051U, n, height, width}) append_big_endian(bytes, value);
        bytes.resize(1000);
        return bytes;
    }
    TemporaryFolder folder;
};

class BadCifar : public ::testing::Test {
  protected:
    BadCifar() {
        for (int i = 1; i <= 5; ++i)
            write_bytes(folder.path() / text("data_batch_", i, ".bin"), cifar_records(10 + i, 10));
        write_bytes(folder.path() / "test_batch.bin", cifar_records(4, 10));
    }
    std::string refused() {
        return refusal(ExitCode::data, [&] { load(options_for("cifar10", folder.path())); });
    }
    TemporaryFolder folder;
};

TEST_F(BadMnist, is_good_before_it_is_spoilt) {
    EXPECT_NO_THROW(load(options_for("mnist", folder.path())));
}
TEST_F(BadCifar, is_good_before_it_is_spoilt) {
    EXPECT_NO_THROW(load(options_for("cifar10", folder.path())));
}

TEST_F(BadMnist, cut_at_any_byte_is_refused) {
    for (const char* name : {train_images, test_labels}) {
        const auto whole = read_bytes(folder.path() / name);
        for (std::size_t length = 0; length < whole.size(); ++length) {
            replace(name, {whole.begin(), whole.begin() + length});
            ASSERT_THAT(refused(), AllOf(HasSubstr(name), HasSubstr(text("found the end at offset ", length)),
                                         HasSubstr("expected")));
        }
        replace(name, whole);
    }
}

TEST_F(BadMnist, packed_file_cut_or_cut_before_packing_is_refused) {
    for (const int filter : {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_XZ}) {
        const auto whole = idx_images(20, 3, 4);
        for (std::size_t length = 0; length < whole.size(); length += 9) {
            replace(train_images, {whole.begin(), whole.begin() + length}, filter);
            ASSERT_THAT(refused(), AllOf(HasSubstr(train_images), HasSubstr(text("the end at offset ", length)),
                                         HasSubstr("unpacked")));
        }
        replace(train_images, whole, filter);
        const auto packed = read_bytes(folder.path() / train_images);
        for (std::size_t length = 0; length < packed.size(); ++length) {
            replace(train_images, {packed.begin(), packed.begin() + length});
            ASSERT_THAT(refused(), AllOf(HasSubstr(train_images), HasSubstr("at offset")));
        }
    }
}

TEST_F(BadMnist, one_wrong_bit_in_a_packed_file_is_refused) {
    for (const int filter : {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_XZ}) {
        replace(train_images, idx_images(20, 3, 4), filter);
        const auto packed = read_bytes(folder.path() / train_images);
        // Behind the header (its time and system byte may be anything) and before the padding at the end.
        for (std::size_t at = 12; at + 12 < packed.size(); ++at) {
            auto spoilt = packed;
            spoilt[at] ^= 4;
            replace(train_images, spoilt);
            ASSERT_THAT(refused(), HasSubstr(train_images)) << "byte " << at;
        }
    }
}

TEST_F(BadMnist, other_bytes_behind_compressed_data_are_refused) {
    for (const int filter : {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD}) {
        replace(train_images, idx_images(20, 3, 4), filter);
        auto compressed = read_bytes(folder.path() / train_images);
        compressed.insert(compressed.end(), {'h', 'e', 'l', 'l', 'o', '!', 0, 0});
        replace(train_images, compressed);
        EXPECT_THAT(refused(), HasSubstr(train_images)) << filter;
    }
}

TEST_F(BadMnist, longer_than_its_header_says_is_refused) {
    for (const int filter : {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP}) {
        auto bytes = idx_images(20, 3, 4);
        bytes.push_back(0);
        replace(train_images, bytes, filter);
        const auto plan = [&] { plan_dataset(options_for("mnist", folder.path()), 0); };
        EXPECT_THAT(refusal(ExitCode::data, plan),
                    AllOf(HasSubstr(train_images), HasSubstr("more bytes at offset 256")));
    }
}

TEST_F(BadMnist, swapped_images_and_labels_are_called_so) {
    fs::rename(folder.path() / train_images, folder.path() / "other");
    fs::rename(folder.path() / train_labels, folder.path() / train_images);
    fs::rename(folder.path() / "other", folder.path() / train_labels);
    EXPECT_THAT(refused(), AllOf(HasSubstr(train_images), HasSubstr("2049"), HasSubstr("offset 0"), HasSubstr("2051"),
                                 HasSubstr("swapped")));
    replace(train_images, idx_images(20, 3, 4)); // now the labels file alone is wrong
    EXPECT_THAT(refused(), AllOf(HasSubstr(train_labels), HasSubstr("2051"), HasSubstr("swapped")));
}

TEST_F(BadMnist, foreign_file_is_refused) {
    const std::string page = "<!DOCTYPE html><html>404 not found</html>";
    replace(test_images, {page.begin(), page.end()});
    EXPECT_THAT(refused(), AllOf(HasSubstr(test_images), HasSubstr("magic number"), HasSubstr("expected 2051")));
}

TEST_F(BadMnist, header_that_claims_too_much_allocates_nothing) {
    for (const int filter : {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP}) {
        replace(train_images, claim(1U << 31, 28, 28), filter);
        EXPECT_THAT(refused(), AllOf(HasSubstr("number of images = 2147483648"), HasSubstr("offset 4")));
        replace(train_images, claim(20, 1U << 30, 1), filter);
        EXPECT_THAT(refused(), AllOf(HasSubstr("height = 1073741824"), HasSubstr("offset 8")));
        replace(train_images, claim(20, 28, 0), filter);
        EXPECT_THAT(refused(), AllOf(HasSubstr("width = 0"), HasSubstr("offset 12")));
        replace(train_images, claim(1U << 24, 1024, 1024), filter); // each number is allowed, the file is short
        auto labels = idx_labels(1U << 20);
        labels[4] = 1, labels[5] = 0;
        replace(train_labels, labels);
        EXPECT_THAT(refused(), AllOf(HasSubstr("the end at offset 1000"), HasSubstr("17592186044432 bytes")));
    }
}

TEST_F(BadMnist, other_numbers_of_images_and_labels_are_refused) {
    replace(train_labels, idx_labels(19));
    EXPECT_THAT(refused(), AllOf(HasSubstr(train_labels), HasSubstr("19 labels"), HasSubstr("expected 20")));
}

TEST_F(BadMnist, test_images_of_another_size_are_refused) {
    replace(test_images, idx_images(5, 4, 3));
    EXPECT_THAT(refused(), AllOf(HasSubstr(test_images), HasSubstr("4 x 3"), HasSubstr("expected 3 x 4")));
}

TEST_F(BadMnist, label_out_of_range_is_named_with_its_offset) {
    auto labels = idx_labels(5);
    labels[8 + 2] = 10;
    replace(test_labels, labels, ARCHIVE_FILTER_GZIP);
    EXPECT_THAT(refused(),
                AllOf(HasSubstr(test_labels), HasSubstr("label 10 at offset 10"), HasSubstr("expected 0 to 9")));
}

TEST_F(BadMnist, missing_file_is_named) {
    fs::remove(folder.path() / train_labels);
    EXPECT_THAT(refused(),
                AllOf(HasSubstr((folder.path() / train_labels).string()), HasSubstr("jobs/get-data.sh mnist")));
    fs::create_directory(folder.path() / train_labels); // a folder is no file
    EXPECT_THAT(refused(), HasSubstr((folder.path() / train_labels).string()));
}

TEST_F(BadMnist, missing_folder_and_empty_folder_are_named) {
    const auto missing = folder.path() / "nowhere";
    const auto look = [&] { load(options_for("mnist", missing)); };
    EXPECT_THAT(refusal(ExitCode::data, look), AllOf(HasSubstr(missing.string()), HasSubstr("jobs/get-data.sh")));
    fs::create_directory(missing);
    EXPECT_THAT(refusal(ExitCode::data, look),
                AllOf(HasSubstr((missing / "MNIST/raw").string()), HasSubstr(train_images)));
}

TEST_F(BadMnist, path_that_is_not_set_and_unknown_name_are_usage_errors) {
    EXPECT_THAT(refusal(ExitCode::usage, [] { load(options_for("mnist", "")); }), HasSubstr("data.path"));
    EXPECT_THAT(refusal(ExitCode::usage, [&] { load(options_for("svhn", folder.path())); }), HasSubstr("svhn"));
}

TEST_F(BadCifar, cut_inside_a_record_is_refused) {
    const auto whole = cifar_records(4, 10);
    for (const int filter : {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_XZ}) {
        for (const std::size_t length : {0, 1, 3072, 3074, 6145, 9220, 12291}) {
            write_packed(folder.path() / "data_batch_3.bin", {whole.begin(), whole.begin() + length}, filter);
            ASSERT_THAT(refused(), AllOf(HasSubstr("data_batch_3.bin"), HasSubstr(text("at offset ", length)),
                                         HasSubstr("whole number of records of 3073")));
        }
    }
}

TEST_F(BadCifar, label_ten_is_named_with_its_offset) {
    auto records = cifar_records(600, 10);
    records[500 * 3073] = 10;
    for (const int filter : {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_XZ}) {
        write_packed(folder.path() / "test_batch.bin", records, filter);
        EXPECT_THAT(refused(), AllOf(HasSubstr("test_batch.bin"), HasSubstr(text("label 10 at offset ", 500 * 3073)),
                                     HasSubstr("expected 0 to 9")));
    }
}

TEST_F(BadCifar, file_that_is_a_copy_of_another_is_refused) {
    for (const char* name : {"data_batch_4.bin", "test_batch.bin"}) {
        const auto before = read_bytes(folder.path() / name);
        write_bytes(folder.path() / name, read_bytes(folder.path() / "data_batch_2.bin"));
        EXPECT_THAT(refused(), AllOf(HasSubstr(name), HasSubstr("data_batch_2.bin"), HasSubstr("copy")));
        write_bytes(folder.path() / name, before);
    }
}

TEST_F(BadMnist, test_file_that_is_a_copy_of_the_training_file_is_refused) {
    replace(test_images, read_bytes(folder.path() / train_images), ARCHIVE_FILTER_GZIP);
    replace(test_labels, read_bytes(folder.path() / train_labels), ARCHIVE_FILTER_GZIP);
    EXPECT_THAT(refused(), AllOf(HasSubstr(test_images), HasSubstr(train_images), HasSubstr("copy")));
}

TEST(BadCifar100, coarse_label_out_of_range_is_named_with_its_offset) {
    TemporaryFolder folder;
    auto records = cifar_records(5, 100);
    records[2 * 3074] = 20;
    write_bytes(folder.path() / "train.bin", records);
    write_bytes(folder.path() / "test.bin", cifar_records(3, 100));
    const auto look = [&] { load(options_for("cifar100", folder.path())); };
    EXPECT_THAT(refusal(ExitCode::data, look),
                AllOf(HasSubstr(text("label 20 at offset ", 2 * 3074)), HasSubstr("expected 0 to 19")));
}

TEST_F(BadCifar, every_missing_batch_is_named) {
    fs::remove(folder.path() / "data_batch_2.bin");
    fs::remove(folder.path() / "data_batch_5.bin");
    EXPECT_THAT(refused(), AllOf(HasSubstr((folder.path() / "data_batch_2.bin").string()),
                                 HasSubstr("data_batch_5.bin"), HasSubstr("2 of 6")));
}

TEST_F(BadCifar, file_that_changes_between_plan_and_load_is_refused) {
    const auto options = options_for("cifar10", folder.path());
    const auto plan = plan_dataset(options, 0);
    std::vector<std::byte> memory(plan.bytes());
    for (const std::size_t records : {3, 5}) {
        write_bytes(folder.path() / "test_batch.bin", cifar_records(records, 10));
        EXPECT_THAT(refusal(ExitCode::data, [&] { load_dataset(plan, memory); }), HasSubstr("while it"));
    }
}

TEST_F(BadCifar, folder_that_may_not_be_listed_is_an_error_with_its_name) {
    const auto file = folder.path() / "test_batch.bin"; // a file where a folder is expected
    EXPECT_THAT(refusal(ExitCode::data, [&] { load(options_for("cifar10", file)); }), HasSubstr(file.string()));
}

} // namespace
} // namespace autosampling
