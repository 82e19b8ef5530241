#include "autosampling/data/batch.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>

namespace autosampling {

namespace {

constexpr int padding = 4; // pixels on each side
constexpr int pixel_values = 256;

// Writes `count` normalised pixels; source pixels follow each other by `step` (1, or −1 for a flipped row).
// C: the number of channels, 0 for any.
template<int C>
void convert(const std::uint8_t* pixel, int step, int count, int channels, const float* table, float* out) {
    const int n = C > 0 ? C : channels;
    for (int x = 0; x < count; ++x) {
        for (int c = 0; c < n; ++c) out[x * n + c] = table[c * pixel_values + pixel[x * step * n + c]];
    }
}

template<int C>
void blacken(int count, int channels, const float* table, float* out) {
    static constexpr std::uint8_t black[C > 0 ? C : 1] = {};
    if constexpr (C > 0) {
        convert<C>(black, 0, count, C, table, out);
    } else {
        for (int x = 0; x < count * channels; ++x) out[x] = table[x % channels * pixel_values];
    }
}

// One image, row by row: black, the part of the source row that the window shows, black.
template<int C>
void fill_image(const std::uint8_t* image, const ImageShape& shape, const Crop& crop, const float* table, float* out) {
    const auto [height, width, channels] = shape;
    // The source pixels in view are left_edge … right_edge − 1 of the window before the flip.
    const int left_edge = std::clamp(-crop.left, 0, width);
    const int right_edge = std::clamp(width - crop.left, left_edge, width);
    const int visible = right_edge - left_edge;
    const int before = crop.flip ? width - right_edge : left_edge;
    const int first = crop.left + (crop.flip ? right_edge - 1 : left_edge); // source pixel that is written first
    for (int y = 0; y < height; ++y, out += width * channels) {
        const int row = y + crop.top;
        if (row < 0 || row >= height || visible == 0) {
            blacken<C>(width, channels, table, out);
            continue;
        }
        blacken<C>(before, channels, table, out);
        const std::uint8_t* const pixel = image + (static_cast<std::ptrdiff_t>(row) * width + first) * channels;
        convert<C>(pixel, crop.flip ? -1 : 1, visible, channels, table, out + before * channels);
        blacken<C>(width - before - visible, channels, table, out + (before + visible) * channels);
    }
}

} // namespace

Crop draw_crop(const RandomKey& key, std::uint32_t slot) {
    EXPECT(key.purpose == Purpose::augmentation);
    RandomStream stream(key, slot);
    const auto shift = [&] { return static_cast<int>(stream.below(2 * padding + 1)) - padding; };
    Crop crop;
    crop.top = shift();
    crop.left = shift();
    crop.flip = stream.below(2) == 1;
    return crop;
}

BatchMaker::BatchMaker(const ImageSet& images, const ImageShape& shape, std::span<const double> mean,
                       std::span<const double> std)
    : images_(images), shape_(shape), table_(static_cast<std::size_t>(shape.channels) * pixel_values) {
    EXPECT(mean.size() == static_cast<std::size_t>(shape.channels) && std.size() == mean.size());
    for (std::size_t c = 0; c < mean.size(); ++c) {
        for (std::size_t value = 0; value < pixel_values; ++value) {
            table_[c * pixel_values + value] =
                static_cast<float>((static_cast<double>(value) / 255 - mean[c]) / std[c]);
        }
    }
}

void BatchMaker::fill(std::span<const std::uint32_t> rows, std::span<const Crop> crops, std::span<float> out) const {
    const auto pixels = shape_.pixels();
    EXPECT(out.size() == rows.size() * pixels);
    EXPECT(crops.empty() || crops.size() == rows.size());
    const auto fill_one = shape_.channels == 3 ? fill_image<3> : shape_.channels == 1 ? fill_image<1> : fill_image<0>;
    for (std::size_t b = 0; b < rows.size(); ++b) {
        EXPECT(rows[b] < images_.labels.size());
        fill_one(images_.images.data() + rows[b] * pixels, shape_, crops.empty() ? Crop{} : crops[b], table_.data(),
                 out.data() + b * pixels);
    }
}

} // namespace autosampling
