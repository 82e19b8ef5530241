#include "autosampling/data/source.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>

namespace autosampling {
namespace {

constexpr RandomKey augmentation_key{7, Purpose::augmentation, 1, 2, 0};

// Some images with the numbers to normalise them.
struct Images {
    explicit Images(const Shape& shape, std::size_t n = 5) : pixels(n * shape.values()) {
        for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 37 + i / 251);
        facts.shape = shape;
        for (int c = 0; c < shape.channels(); ++c) {
            facts.mean.push_back(0.4 + 0.03 * c);
            facts.std.push_back(0.2 + 0.01 * c);
        }
    }

    DatasetFacts facts;
    std::vector<std::uint8_t> pixels;
};

// torchvision's words: pad by 4 with black, cut out a window, flip it, scale to 0…1, normalise.
std::vector<float> reference(const Images& images, std::uint32_t row, const Crop& crop) {
    const Shape& shape = images.facts.shape;
    const int height = shape.height(), width = shape.width(), channels = shape.channels();
    std::vector<int> padded(static_cast<std::size_t>(height + 8) * (width + 8) * channels, 0);
    const auto padded_at = [&](int y, int x, int c) -> int& { return padded[(y * (width + 8) + x) * channels + c]; };
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < channels; ++c)
                padded_at(y + 4, x + 4, c) = images.pixels[row * shape.values() + (y * width + x) * channels + c];
    }
    std::vector<float> out;
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < channels; ++c) {
                const int in_window = crop.flip ? width - 1 - x : x;
                const int value = padded_at(y + 4 + crop.top, in_window + 4 + crop.left, c);
                out.push_back(static_cast<float>((value / 255.0 - images.facts.mean[c]) / images.facts.std[c]));
            }
        }
    }
    return out;
}

TEST(ImageSource, equals_the_plain_reference_for_every_crop) {
    for (const Shape& shape : {Shape{32, 32, 3}, {28, 28, 1}, {9, 5, 2}, {3, 3, 3}, {1, 2, 1}, {2, 1, 4}}) {
        const Images images(shape);
        const auto source = make_image_source(images.pixels, images.facts, Augmentation::crop_flip);
        std::vector<float> out(2 * shape.values());
        std::set<std::tuple<int, int, bool>> seen;
        for (std::uint32_t slot = 0; slot < 6000; slot += 2) {
            source->fill(std::vector{slot % 5, 2U}, {{augmentation_key, slot}}, out);
            std::vector<float> expected = reference(images, slot % 5, draw_crop(augmentation_key, slot));
            const Crop crop = draw_crop(augmentation_key, slot + 1);
            const auto second = reference(images, 2, crop);
            expected.insert(expected.end(), second.begin(), second.end());
            ASSERT_EQ(out, expected) << shape << ", slot " << slot;
            seen.emplace(crop.top, crop.left, crop.flip);
        }
        EXPECT_EQ(seen.size(), 162U);
    }
}

TEST(ImageSource, rows_come_in_the_order_asked_for_and_may_repeat) {
    const Images images({4, 4, 3});
    const std::vector<std::uint32_t> rows{4, 0, 4, 2};
    std::vector<float> expected;
    for (const auto row : rows) {
        const auto image = reference(images, row, {});
        expected.insert(expected.end(), image.begin(), image.end());
    }
    const std::optional<AugmentationDraws> draws{{augmentation_key, 3}};
    for (const auto& [augmentation, given] : {std::pair(Augmentation::crop_flip, std::optional<AugmentationDraws>{}),
                                              std::pair(Augmentation::none, draws)}) {
        std::vector<float> out(rows.size() * images.facts.shape.values());
        make_image_source(images.pixels, images.facts, augmentation)->fill(rows, given, out);
        EXPECT_EQ(out, expected);
    }
}

// Tops, lefts and flips are uniform and independent: chi-square over the 162 cells, 161 degrees of freedom at 10^-6.
// One shift of nine, 5 % too frequent, would be found with probability over 0.99.
TEST(DrawCrop, all_crops_are_equally_likely) {
    constexpr int draws = 1000000;
    std::vector<double> times(9 * 9 * 2);
    for (std::uint32_t slot = 0; slot < draws; ++slot) {
        const auto crop = draw_crop(augmentation_key, slot);
        ASSERT_TRUE(crop.top >= -4 && crop.top <= 4 && crop.left >= -4 && crop.left <= 4);
        ++times[((crop.top + 4) * 9 + crop.left + 4) * 2 + crop.flip];
    }
    const double expected = draws / 162.0;
    double statistic = 0;
    for (const double t : times) statistic += (t - expected) * (t - expected) / expected;
    EXPECT_LT(statistic, 261);
    EXPECT_GT(statistic, 90);
}

TEST(DrawCrop, depends_on_every_part_of_the_key_and_on_nothing_else) {
    const auto sequence = [](const RandomKey& key) {
        std::vector<int> values;
        for (std::uint32_t slot = 0; slot < 20; ++slot) {
            const auto crop = draw_crop(key, slot);
            values.insert(values.end(), {crop.top, crop.left, crop.flip});
        }
        return values;
    };
    std::vector<RandomKey> keys(6, augmentation_key);
    keys[1].seed = 8;
    keys[2].seed += std::uint64_t{1} << 32;
    keys[3].member = 2;
    keys[4].cycle = 3;
    keys[5].attempt = 1;
    std::set<std::vector<int>> seen;
    for (const auto& key : keys) seen.insert(sequence(key));
    EXPECT_EQ(seen.size(), keys.size());
    EXPECT_EQ(sequence(augmentation_key), sequence(augmentation_key));
}

} // namespace
} // namespace autosampling
