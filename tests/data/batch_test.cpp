#include "autosampling/data/batch.hpp"

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
    explicit Images(const ImageShape& image_shape, std::size_t n = 5)
        : shape(image_shape), pixels(n * shape.pixels()), labels(n) {
        for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 37 + i / 251);
        for (int c = 0; c < shape.channels; ++c) {
            mean.push_back(0.4 + 0.03 * c);
            std.push_back(0.2 + 0.01 * c);
        }
    }
    BatchMaker maker() const { return {{pixels, labels}, shape, mean, std}; }

    ImageShape shape;
    std::vector<std::uint8_t> pixels;
    std::vector<std::int32_t> labels;
    std::vector<double> mean, std;
};

// torchvision's words: pad by 4 with black, cut out a window, flip it, scale to 0…1, normalise.
std::vector<float> reference(const Images& images, std::uint32_t row, const Crop& crop) {
    const int height = images.shape.height, width = images.shape.width, channels = images.shape.channels;
    std::vector<int> padded(static_cast<std::size_t>(height + 8) * (width + 8) * channels, 0);
    const auto padded_at = [&](int y, int x, int c) -> int& { return padded[(y * (width + 8) + x) * channels + c]; };
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < channels; ++c) {
                padded_at(y + 4, x + 4, c) =
                    images.pixels[row * images.shape.pixels() + (y * width + x) * channels + c];
            }
        }
    }
    std::vector<float> out;
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < channels; ++c) {
                const int in_window = crop.flip ? width - 1 - x : x;
                const int value = padded_at(y + 4 + crop.top, in_window + 4 + crop.left, c);
                out.push_back(static_cast<float>((value / 255.0 - images.mean[c]) / images.std[c]));
            }
        }
    }
    return out;
}

TEST(BatchMaker, equals_the_plain_reference_for_every_crop) {
    for (const ImageShape& shape : {ImageShape{32, 32, 3}, {28, 28, 1}, {9, 5, 2}, {3, 3, 3}, {1, 2, 1}, {2, 1, 4}}) {
        const Images images(shape);
        const auto maker = images.maker();
        std::vector<float> out(shape.pixels());
        for (int top = -4; top <= 4; ++top) {
            for (int left = -4; left <= 4; ++left) {
                for (const bool flip : {false, true}) {
                    const Crop crop{top, left, flip};
                    const auto row = static_cast<std::uint32_t>((top + left + 8) % 5);
                    maker.fill(std::vector{row}, std::vector{crop}, out);
                    ASSERT_EQ(out, reference(images, row, crop))
                        << shape.height << " x " << shape.width << ", " << top << ' ' << left << ' ' << flip;
                }
            }
        }
    }
}

TEST(BatchMaker, rows_come_in_the_order_asked_for_and_may_repeat) {
    const Images images({4, 4, 3});
    const std::vector<std::uint32_t> rows{4, 0, 4, 2};
    std::vector<float> out(rows.size() * images.shape.pixels());
    images.maker().fill(rows, {}, out);
    std::vector<float> expected;
    for (const auto row : rows) {
        const auto image = reference(images, row, {});
        expected.insert(expected.end(), image.begin(), image.end());
    }
    EXPECT_EQ(out, expected);
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
