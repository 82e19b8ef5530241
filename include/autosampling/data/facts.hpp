// What one may know of a data set without having its examples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <numeric>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace autosampling {

// The lengths of an example's dimensions, outermost first. Three are an image: height, width, channels.
class Shape {
  public:
    Shape() = default;
    Shape(std::initializer_list<int> lengths) : lengths_(lengths) {}
    explicit Shape(std::vector<int> lengths) : lengths_(std::move(lengths)) {}

    const std::vector<int>& lengths() const { return lengths_; }
    // How many numbers an example has.
    std::size_t values() const {
        return std::accumulate(lengths_.begin(), lengths_.end(), std::size_t{1}, std::multiplies());
    }

    bool is_image() const { return lengths_.size() == 3; }
    int height() const { return lengths_.at(0); }
    int width() const { return lengths_.at(1); }
    int channels() const { return lengths_.at(2); }

    friend bool operator==(const Shape&, const Shape&) = default;
    // As in "28 x 28 x 1".
    friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
        for (std::size_t i = 0; i < shape.lengths_.size(); ++i) out << (i == 0 ? "" : " x ") << shape.lengths_[i];
        return out;
    }

    template<class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& lengths_;
    }

  private:
    std::vector<int> lengths_;
};

// What memory holds of an example: an image's pixels (u8), its numbers (f32), or its place in a file of packed images.
enum class Storage : std::uint8_t { pixels, numbers, packed };

// Letters: C channels.
struct DatasetFacts {
    Shape shape; // of an example
    Storage storage = Storage::pixels;
    int classes = 0;                      // of a regression 1, to which all examples belong
    int targets = 0;                      // numbers to predict, of a regression; 0: the class is predicted
    std::vector<std::string> class_names; // (classes)
    // What is taken off, and divides then: of images (C), of pixels in 0…1; of real numbers (values) or one for all.
    std::vector<double> mean, std;
    std::int64_t skipped_images = 0; // when the data were packed, since they couldn't be read

    bool is_real() const { return storage == Storage::numbers; }
    bool is_regression() const { return targets > 0; }
    // How many numbers a network puts out.
    int outputs() const { return is_regression() ? targets : classes; }

    template<class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& shape& storage& classes& targets& class_names& mean& std& skipped_images;
    }
};

} // namespace autosampling
