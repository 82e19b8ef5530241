// Pillow's resizing (Resample.c): one direction after the other, weights and sums in fixed point, pixels of 8 bits in
// between.
#include "picture.hpp"

#include <algorithm>
#include <cmath>

namespace autosampling::detail {

namespace {

constexpr int precision_bits = 32 - 8 - 2;

// What each new pixel of a row or column is made of.
struct Weights {
    int taps = 0;              // at most, of a pixel
    std::vector<int> first;    // (new) the first old pixel
    std::vector<int> count;    // (new) how many
    std::vector<int> fraction; // (new, taps) in units of 2^-precision_bits
};

int nearest(double value) {
    return static_cast<int>(std::floor(value + 0.5));
}

Weights bilinear(int old_size, int new_size) {
    const double scale = static_cast<double>(old_size) / new_size;
    const double filter_scale = std::max(scale, 1.0);
    const double support = filter_scale; // the triangle's is 1
    Weights weights;
    weights.taps = static_cast<int>(std::ceil(support)) * 2 + 1;
    for (int x = 0; x < new_size; ++x) {
        const double centre = (x + 0.5) * scale;
        const int low = std::max(nearest(centre - support), 0);
        const int count = std::min(nearest(centre + support), old_size) - low;
        std::vector<double> value(weights.taps);
        double sum = 0;
        for (int i = 0; i < count; ++i) {
            value[i] = std::max(1 - std::abs((i + low - centre + 0.5) * (1 / filter_scale)), 0.0);
            sum += value[i];
        }
        weights.first.push_back(low);
        weights.count.push_back(count);
        for (const double each : value)
            weights.fraction.push_back(nearest((sum != 0 ? each / sum : each) * (1 << precision_bits)));
    }
    return weights;
}

std::uint8_t rounded(int sum) {
    return static_cast<std::uint8_t>(std::clamp(sum >> precision_bits, 0, 255));
}

} // namespace

PictureSize with_shorter_side(const PictureSize& size, int shorter) {
    const int longer = static_cast<int>(static_cast<std::int64_t>(shorter) * std::max(size.height, size.width) /
                                        std::min(size.height, size.width));
    return size.width > size.height ? PictureSize{shorter, longer} : PictureSize{longer, shorter};
}

Picture resize(const Picture& picture, const Box& box, const PictureSize& size) {
    constexpr int half = 1 << (precision_bits - 1);
    const Weights across = bilinear(box.width, size.width), down = bilinear(box.height, size.height);
    std::vector<std::uint8_t> narrow(static_cast<std::size_t>(box.height) * size.width * 3); // (box H, new W, 3)
    for (int y = 0; y < box.height; ++y) {
        const std::uint8_t* const row =
            picture.pixels.data() + (static_cast<std::size_t>(box.top + y) * picture.width + box.left) * 3;
        for (int x = 0; x < size.width; ++x) {
            const std::uint8_t* pixel = row + static_cast<std::ptrdiff_t>(across.first[x]) * 3;
            const int* const fraction = across.fraction.data() + static_cast<std::ptrdiff_t>(x) * across.taps;
            int red = half, green = half, blue = half;
            for (int i = 0; i < across.count[x]; ++i, pixel += 3) {
                red += pixel[0] * fraction[i];
                green += pixel[1] * fraction[i];
                blue += pixel[2] * fraction[i];
            }
            std::uint8_t* const out = narrow.data() + (static_cast<std::size_t>(y) * size.width + x) * 3;
            out[0] = rounded(red), out[1] = rounded(green), out[2] = rounded(blue);
        }
    }
    const std::size_t line = static_cast<std::size_t>(size.width) * 3;
    Picture resized{size.height, size.width, std::vector<std::uint8_t>(size.height * line)};
    std::vector<int> sum(line);
    for (int y = 0; y < size.height; ++y) {
        std::ranges::fill(sum, half);
        for (int i = 0; i < down.count[y]; ++i) {
            const std::uint8_t* const row = narrow.data() + (down.first[y] + i) * line;
            const int fraction = down.fraction[static_cast<std::size_t>(y) * down.taps + i];
            for (std::size_t x = 0; x < line; ++x) sum[x] += row[x] * fraction;
        }
        std::ranges::transform(sum, resized.pixels.begin() + static_cast<std::ptrdiff_t>(y * line), rounded);
    }
    return resized;
}

} // namespace autosampling::detail
