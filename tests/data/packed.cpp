// Trees of photographs, packed, and batches of them.
#include "data_files.hpp"

#include "autosampling/data/pack.hpp"
#include "autosampling/data/split.hpp"
#include "data/packed_file.hpp"
#include "data/picture.hpp"

#include <gmock/gmock.h>
#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <set>

namespace autosampling {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr RandomKey augmentation_key{7, Purpose::augmentation, 1, 2, 0};

// Pixels (H, W, 3) of a smooth picture.
Bytes picture(int height, int width, int seed) {
    Bytes pixels;
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < 3; ++c)
                pixels.push_back(static_cast<std::uint8_t>(128 + 100 * std::sin(0.04 * (c + 1) * x + seed) *
                                                                     std::cos(0.05 * y + c)));
        }
    }
    return pixels;
}

Bytes jpeg(int height, int width, int seed) {
    const std::unique_ptr<void, int (*)(tjhandle)> encoder(tjInitCompress(), tjDestroy);
    unsigned char* out = nullptr;
    unsigned long length = 0;
    const Bytes pixels = picture(height, width, seed);
    EXPECT_EQ(tjCompress2(encoder.get(), pixels.data(), width, 0, height, TJPF_RGB, &out, &length, TJSAMP_420, 90, 0),
              0);
    Bytes file(out, out + length);
    tjFree(out);
    return file;
}

Bytes png(int height, int width, int seed) {
    const Bytes pixels = picture(height, width, seed);
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width);
    image.height = static_cast<png_uint_32>(height);
    image.format = PNG_FORMAT_RGB;
    Bytes file(pixels.size() + 10000);
    png_alloc_size_t length = file.size();
    EXPECT_NE(png_image_write_to_memory(&image, file.data(), &length, 0, pixels.data(), 0, nullptr), 0);
    file.resize(length);
    return file;
}

// A tree of classes "1", "2" and "10" with 4, 5 and 6 photographs of several sizes.
class Packed : public ::testing::Test {
  protected:
    Packed() {
        for (const auto& [name, count] : {std::pair("1", 4), std::pair("10", 6), std::pair("2", 5)}) {
            for (int i = 0; i < count; ++i)
                write_bytes(tree / name / text("photo ", i, ".JPEG"), jpeg(40 + 8 * i, 60 + 4 * count, i + count));
        }
    }
    PackResult pack(bool skip = false, int short_side = 0, bool raw = false) {
        said.clear();
        return pack_images({tree, test_tree, file, 2, skip, short_side, raw},
                           [this](const std::string& line) { said.push_back(line); });
    }
    // The bytes of a training image in the file.
    Bytes packed_image(std::size_t row) const {
        const auto loaded = load(options());
        const auto& image = reinterpret_cast<const detail::PackedImage*>(loaded.dataset.training.bytes.data())[row];
        const Bytes all = read_bytes(file);
        const auto begin = all.begin() + static_cast<std::ptrdiff_t>(image.begin);
        return {begin, begin + static_cast<std::ptrdiff_t>(image.length)};
    }
    DataOptions options(int side = 32) const {
        DataOptions result = options_for("packed", file);
        result.image_size = side;
        return result;
    }
    std::string refused() {
        return refusal(ExitCode::data, [&] { pack(); });
    }

    TemporaryFolder folder;
    fs::path tree = folder.path() / "tree", test_tree, file = folder.path() / "packed.h5";
    std::vector<std::string> said;
};

std::vector<float> batch(const ExampleSet& set, const std::vector<std::uint32_t>& rows, std::size_t values,
                         const std::optional<AugmentationDraws>& draws = {}) {
    std::vector<float> out(rows.size() * values);
    set.source->fill(rows, draws, out);
    return out;
}

TEST_F(Packed, classes_are_in_the_order_of_their_numbers_and_all_images_are_there) {
    write_bytes(tree / "2/inner/x.png", png(50, 70, 3));
    write_bytes(tree / "2/.hidden", {1});
    write_bytes(tree / "read me.txt", {1});
    const auto result = pack();
    EXPECT_EQ(result.images, 16U);
    EXPECT_THAT(said, Contains(HasSubstr("1 hidden")));
    EXPECT_THAT(said, Contains(AllOf(HasSubstr("1 file beside"), HasSubstr("read me.txt"))));
    EXPECT_FALSE(fs::exists(file.string() + ".tmp"));
    const auto loaded = load(options());
    EXPECT_THAT(loaded.plan.facts.class_names, ElementsAre("1", "2", "10"));
    const std::vector<std::int32_t> labels(loaded.dataset.training.labels.begin(),
                                           loaded.dataset.training.labels.end());
    EXPECT_EQ(labels, (std::vector<std::int32_t>{0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2}));
    const auto split = split_dataset(loaded.dataset, options(), 0);
    EXPECT_EQ(split.test.source.size() + split.reward.source.size() + split.training.source.size(), 16U);
}

TEST_F(Packed, photograph_of_the_size_asked_for_is_shown_pixel_by_pixel) {
    // 8/7 of 28 are 32: nothing is resized, and the middle is cut out.
    write_bytes(tree / "1/photo 0.JPEG", png(32, 32, 1));
    pack();
    const auto loaded = load(options(28));
    const auto values = batch(loaded.dataset.training, {0}, 28 * 28 * 3);
    const Bytes expected = picture(32, 32, 1);
    for (int y = 0; y < 28; ++y) {
        for (int x = 0; x < 28; ++x) {
            for (int c = 0; c < 3; ++c) {
                const double pixel = expected[((y + 2) * 32 + x + 2) * 3 + c] / 255.0;
                ASSERT_NEAR(values[(y * 28 + x) * 3 + c],
                            (pixel - loaded.plan.facts.mean[c]) / loaded.plan.facts.std[c], 1e-5);
            }
        }
    }
}

TEST_F(Packed, batches_depend_on_row_key_and_slot_alone_whatever_the_threads) {
    pack();
    auto augmented = options();
    augmented.augmentation = Augmentation::resized_crop;
    const std::size_t values = 32 * 32 * 3;
    const auto one = load(augmented);
    augmented.decode_threads = 3;
    const auto three = load(augmented);
    const std::vector<std::uint32_t> rows{3, 0, 3, 14, 7};
    const AugmentationDraws draws{augmentation_key, 10};
    const auto first = batch(one.dataset.training, rows, values, draws);
    EXPECT_EQ(batch(three.dataset.training, rows, values, draws), first);
    EXPECT_EQ(batch(one.dataset.training, {7}, values, AugmentationDraws{augmentation_key, 14}),
              std::vector<float>(first.end() - static_cast<std::ptrdiff_t>(values), first.end()));
    EXPECT_NE(batch(one.dataset.training, rows, values, AugmentationDraws{augmentation_key, 11}), first);
    EXPECT_NE(batch(one.dataset.training, rows, values), first);
    // The same row in two slots is cut in two ways.
    EXPECT_FALSE(std::equal(first.begin(), first.begin() + values, first.begin() + 2 * values));
}

TEST_F(Packed, test_tree_has_the_same_classes) {
    test_tree = folder.path() / "test";
    write_bytes(test_tree / "10/a.JPEG", jpeg(64, 64, 1));
    pack();
    const auto loaded = load(options());
    EXPECT_EQ(loaded.dataset.training.rows, 15U);
    ASSERT_EQ(loaded.dataset.test.rows, 1U);
    EXPECT_EQ(loaded.dataset.test.labels[0], 2);
    EXPECT_EQ(batch(loaded.dataset.test, {0}, 32 * 32 * 3).size(), 3072U);
    write_bytes(test_tree / "11/a.JPEG", jpeg(64, 64, 1));
    EXPECT_THAT(refused(), HasSubstr((test_tree / "11").string()));
    test_tree = folder.path() / "nothing";
    fs::create_directory(test_tree);
    EXPECT_THAT(refused(), HasSubstr("nothing: holds no folder"));
}

TEST_F(Packed, images_are_in_the_file_in_the_order_of_the_tree) {
    pack();
    for (std::size_t row = 0; row < 4; ++row)
        EXPECT_EQ(packed_image(row), read_bytes(tree / "1" / text("photo ", row, ".JPEG")));
    EXPECT_EQ(packed_image(4), read_bytes(tree / "2/photo 0.JPEG"));
}

TEST_F(Packed, raw_images_are_shown_as_the_compressed_ones_are) {
    const std::vector<std::uint32_t> rows{0, 3, 7, 14};
    constexpr std::size_t values = 48 * 48 * 3; // no photograph has twice the size: none is decoded in part
    auto augmented = options(48);
    augmented.augmentation = Augmentation::resized_crop;
    const AugmentationDraws draws{augmentation_key, 10};
    pack();
    const auto expected = batch(load(augmented).dataset.training, rows, values, draws);
    pack(false, 0, true);
    EXPECT_EQ(batch(load(augmented).dataset.training, rows, values, draws), expected);
    EXPECT_EQ(packed_image(0).size(), std::string("P6\n76 40\n255\n").size() + 76 * 40 * 3);
}

TEST_F(Packed, larger_images_are_resized_and_smaller_ones_stay_as_they_are) {
    pack(false, 50);
    EXPECT_EQ(packed_image(0), read_bytes(tree / "1/photo 0.JPEG")); // 40 x 76
    const auto size = detail::size_of_picture(packed_image(3));      // 64 x 76
    EXPECT_EQ(size.height, 50);
    EXPECT_EQ(size.width, 59);
    pack(false, 50, true);
    const auto whole = detail::decode_picture(read_bytes(tree / "1/photo 3.JPEG"));
    EXPECT_EQ(detail::decode_picture(packed_image(3)).pixels, detail::resize(whole, {0, 0, 64, 76}, {50, 59}).pixels);
}

TEST(Picture, that_is_too_long_for_its_width_is_refused) {
    const auto problem = [](int width, int height) -> std::string {
        const std::vector<std::uint8_t> pixels(std::size_t{3} * static_cast<std::size_t>(width * height));
        try {
            detail::size_of_picture(detail::encode_ppm({height, width, pixels}));
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(problem(1, 128), "");
    EXPECT_EQ(problem(2, 300), "300 x 2 pixels: too long for its width");
    EXPECT_EQ(problem(1000, 7), "7 x 1000 pixels: too long for its width");
}

TEST_F(Packed, interrupted_pack_leaves_nothing) {
    std::atomic<int> asked = 0;
    const auto interrupted = [&] {
        pack_images(
            {tree, test_tree, file, 2}, [](const std::string&) {}, [&] { return ++asked > 5; });
    };
    EXPECT_THAT(refusal(ExitCode::failure, interrupted), HasSubstr("stopped by a signal"));
    EXPECT_FALSE(fs::exists(file));
    EXPECT_FALSE(fs::exists(file.string() + ".tmp"));
}

TEST_F(Packed, reward_file_is_the_reward_set) {
    pack();
    auto with_reward = options();
    with_reward.reward_path = (folder.path() / "reward.h5").string();
    fs::rename(file, with_reward.reward_path);
    fs::remove(tree / "1/photo 0.JPEG");
    pack();
    const auto loaded = load(with_reward);
    const auto split = split_dataset(loaded.dataset, with_reward, 0);
    EXPECT_EQ(split.reward.source.size(), 15U);
    EXPECT_EQ(split.reward.source.front(), 14U);
    EXPECT_EQ(split.training.source.size() + split.test.source.size(), 14U);
    EXPECT_THAT(split.reward.label, ElementsAre(0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2));
    // Row 14 is photo 0 of the other file, row 15 photo 1, which is row 0 of this one.
    const auto values = batch(loaded.dataset.training, {15, 0, 14}, 3072);
    EXPECT_TRUE(std::equal(values.begin(), values.begin() + 3072, values.begin() + 3072));
    EXPECT_FALSE(std::equal(values.begin(), values.begin() + 3072, values.begin() + 2 * 3072));
    fs::rename(tree / "1", tree / "11");
    pack();
    EXPECT_THAT(refusal(ExitCode::data, [&] { load(with_reward); }), HasSubstr("classes"));
}

TEST_F(Packed, test_images_that_are_the_training_images_are_refused) {
    pack_images(
        {tree, tree, file, 2}, [](const std::string&) {}, [] { return false; });
    EXPECT_THAT(refusal(ExitCode::data, [&] { load(options()); }),
                HasSubstr("(test images): holds the same images as"));
}

TEST_F(Packed, unreadable_images_are_listed_and_nothing_is_left) {
    auto cut = jpeg(200, 200, 1);
    cut.resize(cut.size() / 2);
    write_bytes(tree / "1/cut.JPEG", cut);
    write_bytes(tree / "10/text.JPEG", {'h', 'e', 'l', 'l', 'o'});
    write_bytes(tree / "2/empty.JPEG", {});
    EXPECT_THAT(refused(), AllOf(HasSubstr("3 images"), HasSubstr("cut.JPEG"), HasSubstr("text.JPEG"),
                                 HasSubstr("empty.JPEG"), HasSubstr("--skip-unreadable")));
    EXPECT_FALSE(fs::exists(file));
    EXPECT_FALSE(fs::exists(file.string() + ".tmp"));
    EXPECT_EQ(pack(true).skipped, 3U);
    const auto loaded = load(options());
    EXPECT_EQ(loaded.dataset.training.rows, 15U);
    EXPECT_EQ(loaded.plan.facts.skipped_images, 3);
    EXPECT_THAT(loaded.plan.warnings, ElementsAre(HasSubstr("3 images left out")));
}

// Nothing but an older packed file is replaced.
TEST_F(Packed, what_is_there_and_no_packed_file_is_kept) {
    const auto refused_name = [&] { return refusal(ExitCode::usage, [&] { pack(); }); };
    pack();
    pack(); // in the place of the first
    EXPECT_EQ(load(options()).dataset.training.rows, 15U);
    file = tree / "1/photo 0.JPEG";
    const Bytes before = read_bytes(file);
    EXPECT_THAT(refused_name(), HasSubstr("is there already and is no packed file"));
    EXPECT_EQ(read_bytes(file), before);
    file = tree / "1/packed.h5";
    EXPECT_THAT(refused_name(), HasSubstr("is in a class's folder"));
    file = tree / "1";
    EXPECT_THAT(refused_name(), HasSubstr("is no file but a folder"));
}

TEST_F(Packed, folder_that_leads_back_to_itself_is_refused) {
    fs::create_directory_symlink("..", tree / "1/loop");
    EXPECT_THAT(refused(), HasSubstr("a link to a folder that it is in"));
}

TEST_F(Packed, classes_without_images_are_refused) {
    fs::create_directory(tree / "3");
    EXPECT_THAT(refused(), HasSubstr((tree / "3").string()));
    fs::remove(tree / "3");
    write_bytes(tree / "3/only.JPEG", {1, 2, 3});
    EXPECT_THAT(refusal(ExitCode::data, [&] { pack(true); }), HasSubstr((tree / "3").string()));
    tree = tree / "1";
    EXPECT_THAT(refused(), HasSubstr("holds 0 folders"));
    tree = folder.path() / "missing";
    EXPECT_THAT(refused(), HasSubstr("missing"));
}

TEST_F(Packed, file_cut_short_or_with_one_wrong_bit_anywhere_is_refused) {
    pack();
    const auto whole = read_bytes(file);
    const auto look = [&] { load(options()); };
    for (const std::size_t length : {std::size_t{0}, std::size_t{31}, whole.size() / 2, whole.size() - 1}) {
        write_bytes(file, {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
        EXPECT_THAT(refusal(ExitCode::data, look), HasSubstr(file.string())) << length;
    }
    for (std::size_t at = 0; at < whole.size(); at += 97) {
        auto spoilt = whole;
        spoilt[at] ^= 16;
        write_bytes(file, spoilt);
        ASSERT_THAT(refusal(ExitCode::data, look), HasSubstr(file.string())) << "byte " << at;
    }
    fs::remove(file);
    EXPECT_THAT(refusal(ExitCode::data, look), HasSubstr("no such file"));
}

} // namespace
} // namespace autosampling
